package jsonenc

import (
	"bytes"
	"encoding"
	"encoding/base64"
	"encoding/json"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/sessionmcp/sessionmcp/internal/jsontext"
)

// writeNothing is for types that JSON has no form for.
func writeNothing(b []byte, _ reflect.Value, _ int) ([]byte, error) { return b, errOther }

func writeBool(b []byte, v reflect.Value, _ int) ([]byte, error) {
	return strconv.AppendBool(b, v.Bool()), nil
}

func writeInt(b []byte, v reflect.Value, _ int) ([]byte, error) {
	return strconv.AppendInt(b, v.Int(), 10), nil
}

func writeUint(b []byte, v reflect.Value, _ int) ([]byte, error) {
	return strconv.AppendUint(b, v.Uint(), 10), nil
}

func writeFloat64(b []byte, v reflect.Value, _ int) ([]byte, error) {
	f := v.Float()
	abs := math.Abs(f)
	if abs < 1e13 {
		if out, ok := appendShort(b, f, abs); ok {
			return out, nil
		}
	}
	return appendFloat(b, f, abs != 0 && (abs < 1e-6 || abs >= 1e21), 64)
}

// appendShort writes f if it has two decimals at most, as prices and measurements
// do, which is cheaper than to search for the shortest form. It is that form: n/100
// is rounded correctly, so the text reads back as f; a shorter one is an integer, or
// has one decimal, and was tried before; and floats lie so close below 1e13 that
// there is no other of this length.
func appendShort(b []byte, f, abs float64) ([]byte, bool) {
	n, decimals := uint64(abs), 0
	if float64(n) != abs {
		n, decimals = uint64(abs*10+0.5), 1
		if float64(n)/10 != abs {
			n, decimals = uint64(abs*100+0.5), 2
			if float64(n)/100 != abs {
				return b, false
			}
		}
	}
	if math.Signbit(f) {
		b = append(b, '-')
	}
	switch decimals {
	case 0:
		return strconv.AppendUint(b, n, 10), true
	case 1:
		return append(strconv.AppendUint(b, n/10, 10), '.', '0'+byte(n%10)), true
	}
	return append(strconv.AppendUint(b, n/100, 10), '.', '0'+byte(n/10%10), '0'+byte(n%10)), true
}

func writeFloat32(b []byte, v reflect.Value, _ int) ([]byte, error) {
	f := v.Float()
	abs := float32(math.Abs(f))
	return appendFloat(b, f, abs != 0 && (abs < 1e-6 || abs >= 1e21), 32)
}

// appendFloat writes a number as JavaScript does, as encoding/json wants it.
func appendFloat(b []byte, f float64, exponent bool, bits int) ([]byte, error) {
	if math.IsInf(f, 0) || math.IsNaN(f) {
		return b, errOther
	}
	if !exponent {
		return strconv.AppendFloat(b, f, 'f', -1, bits), nil
	}
	b = strconv.AppendFloat(b, f, 'e', -1, bits)
	if n := len(b); n >= 4 && b[n-4] == 'e' && b[n-3] == '-' && b[n-2] == '0' { // e-09 is e-9
		b[n-2] = b[n-1]
		b = b[:n-1]
	}
	return b, nil
}

func writeString(b []byte, v reflect.Value, _ int) ([]byte, error) {
	return appendString(b, v.String()), nil
}

func appendString(b []byte, s string) []byte {
	if len(s) > 64 { // make room at once
		n := len(s) + len(s)/16 + 16
		if len(s) > 4096 {
			for _, escaped := range []string{"\n", `"`, `\`, "\t"} {
				n += strings.Count(s, escaped)
			}
		}
		b = room(b, n)
	}
	return jsontext.AppendString(b, s)
}

func writeQuotedString(b []byte, v reflect.Value, _ int) ([]byte, error) {
	return jsontext.AppendString(b, jsontext.AppendString(nil, v.String())), nil
}

func writeNumber(b []byte, v reflect.Value, _ int) ([]byte, error) {
	s := v.String()
	if s == "" {
		return append(b, '0'), nil
	}
	r := jsontext.Read([]byte(s))
	if raw, err := r.Value(); err != nil || len(raw) != len(s) || s[0] != '-' && (s[0] < '0' || s[0] > '9') {
		return b, errOther
	}
	return append(b, s...), nil
}

func writeBytes(b []byte, v reflect.Value, _ int) ([]byte, error) {
	if v.IsNil() {
		return append(b, "null"...), nil
	}
	data := v.Bytes()
	b = append(room(b, base64.StdEncoding.EncodedLen(len(data))+16), '"')
	return append(base64.StdEncoding.AppendEncode(b, data), '"'), nil
}

func writeTime(b []byte, v reflect.Value, _ int) ([]byte, error) {
	t, ok := reflect.TypeAssert[time.Time](v)
	if !ok {
		return b, errOther
	}
	b, err := t.AppendText(append(b, '"'))
	return append(b, '"'), err
}

// writeMarshaler is for types with a MarshalJSON.
func writeMarshaler(b []byte, v reflect.Value, _ int) ([]byte, error) {
	if v.Kind() == reflect.Pointer && v.IsNil() {
		return append(b, "null"...), nil
	}
	m, ok := reflect.TypeAssert[json.Marshaler](v)
	if !ok { // a nil interface
		return append(b, "null"...), nil
	}
	raw, err := m.MarshalJSON()
	if err != nil {
		return b, err
	}
	out := bytes.NewBuffer(room(b, len(raw)+16))
	err = json.Compact(out, raw)
	return out.Bytes(), err
}

// writeText is for types with a MarshalText.
func writeText(b []byte, v reflect.Value, _ int) ([]byte, error) {
	if v.Kind() == reflect.Pointer && v.IsNil() {
		return append(b, "null"...), nil
	}
	m, ok := reflect.TypeAssert[encoding.TextMarshaler](v)
	if !ok { // a nil interface
		return append(b, "null"...), nil
	}
	text, err := m.MarshalText()
	if err != nil {
		return b, err
	}
	return jsontext.AppendString(b, text), nil
}
