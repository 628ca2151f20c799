package main

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/png"
	"testing"
)

func TestSquares(t *testing.T) {
	file, err := squares()
	if err != nil {
		t.Fatal(err)
	}
	picture, err := png.Decode(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	if want := image.Rect(0, 0, 32, 32); picture.Bounds() != want {
		t.Errorf("the picture has the bounds %v, want %v", picture.Bounds(), want)
	}
	for at, want := range map[image.Point]uint32{{0, 0}: 0xffff, {8, 0}: 0, {0, 8}: 0, {31, 31}: 0xffff} {
		if red, _, _, _ := picture.At(at.X, at.Y).RGBA(); red != want {
			t.Errorf("the picture is %x at %v, want %x", red, at, want)
		}
	}
}

func TestTone(t *testing.T) {
	file := tone()
	le := binary.LittleEndian
	if got, want := int(le.Uint32(file[4:])), len(file)-8; got != want {
		t.Errorf("the file says that %d bytes follow, there are %d", got, want)
	}
	if got, want := int(le.Uint32(file[40:])), len(file)-44; got != want {
		t.Errorf("the header says that there are %d bytes of sound, there are %d", got, want)
	}
	for at, want := range map[int]string{0: "RIFF", 8: "WAVE", 12: "fmt ", 36: "data"} {
		if got := string(file[at : at+4]); got != want {
			t.Errorf("at %d the file says %q, want %q", at, got, want)
		}
	}
	if rate, perSecond := le.Uint32(file[24:]), le.Uint32(file[28:]); rate != 8000 || perSecond != 8000 {
		t.Errorf("the file has %d samples and %d bytes per second, want 8000 of each", rate, perSecond)
	}
}
