package main

import (
	_ "embed"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// normalsCSV holds the monthly normals of every city the example knows. Its
// header says where the figures come from and what each field is.
//
//go:embed normals.csv
var normalsCSV string

// months is a value for each month of the year, January first.
type months [12]float64

// place is a city and its climate: the mean daily maximum and minimum in
// Celsius, and the mean number of rainy days, of each month.
type place struct {
	City, Country   string
	Lat, Lon        float64
	High, Low, Rain months
}

// The position of each field in a record of normals.csv. The station number
// between the longitude and the highs is there to check a row against the
// source, and is not read.
const (
	fieldCity = iota
	fieldCountry
	fieldLat
	fieldLon
	_
	fieldHigh
	fieldLow   = fieldHigh + 12
	fieldRain  = fieldLow + 12
	fieldCount = fieldRain + 12
)

// atlas is the set of known places.
type atlas []place

// readAtlas reads records in the form of normals.csv.
func readAtlas(r io.Reader) (atlas, error) {
	records := csv.NewReader(r)
	records.Comment = '#'
	records.FieldsPerRecord = fieldCount
	records.ReuseRecord = true

	var a atlas
	for {
		record, err := records.Read()
		if errors.Is(err, io.EOF) {
			return a, nil
		}
		if err != nil {
			return nil, fmt.Errorf("reading normals: %w", err)
		}
		p, err := parsePlace(record)
		if err != nil {
			line, _ := records.FieldPos(0)
			return nil, fmt.Errorf("reading normals: line %d: %w", line, err)
		}
		a = append(a, p)
	}
}

// parsePlace turns one record, of fieldCount fields, into a place.
func parsePlace(record []string) (place, error) {
	p := place{City: record[fieldCity], Country: record[fieldCountry]}
	for _, f := range []struct {
		into  []float64
		start int
	}{
		{p.High[:], fieldHigh},
		{p.Low[:], fieldLow},
		{p.Rain[:], fieldRain},
	} {
		if err := parseFloats(f.into, record[f.start:]); err != nil {
			return place{}, err
		}
	}
	position := make([]float64, 2)
	if err := parseFloats(position, record[fieldLat:]); err != nil {
		return place{}, err
	}
	p.Lat, p.Lon = position[0], position[1]
	return p, nil
}

// parseFloats fills into from the first len(into) fields.
func parseFloats(into []float64, fields []string) error {
	for i := range into {
		v, err := strconv.ParseFloat(fields[i], 64)
		if err != nil {
			return err
		}
		into[i] = v
	}
	return nil
}
