package main

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	"image/png"
	"math"
)

// squares draws a chessboard of four by four and returns it as PNG.
func squares() ([]byte, error) {
	const side, square = 32, 8
	board := image.NewGray(image.Rect(0, 0, side, side))
	for y := range side {
		for x := range side {
			if (x/square+y/square)%2 == 0 {
				board.SetGray(x, y, color.Gray{Y: 255})
			}
		}
	}
	var file bytes.Buffer
	err := png.Encode(&file, board)
	return file.Bytes(), err
}

// tone returns an eighth of a second of 440 Hz as WAV: a header of 44 bytes, then
// a byte per sample.
func tone() []byte {
	const (
		rate     = 8000 // samples per second
		samples  = rate / 8
		pcm      = 1
		channels = 1
		bits     = 8
	)
	le := binary.LittleEndian
	file := []byte("RIFF")
	file = le.AppendUint32(file, 36+samples) // what follows
	file = append(file, "WAVEfmt "...)
	file = le.AppendUint32(file, 16) // the size of this chunk
	file = le.AppendUint16(file, pcm)
	file = le.AppendUint16(file, channels)
	file = le.AppendUint32(file, rate)
	file = le.AppendUint32(file, rate*channels*bits/8) // bytes per second
	file = le.AppendUint16(file, channels*bits/8)      // bytes per sample
	file = le.AppendUint16(file, bits)
	file = append(file, "data"...)
	file = le.AppendUint32(file, samples)
	for i := range samples {
		file = append(file, byte(128+100*math.Sin(2*math.Pi*440*float64(i)/rate)))
	}
	return file
}
