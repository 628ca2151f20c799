package jsontext

import (
	"bytes"
	"iter"
)

// All yields the raw key and the raw value of each member of an object that has
// been read before, in order: of what is known to be JSON only the places are
// looked for, in a fraction of the time. Text that is no object has no members.
// Text that is no JSON yields slices of it that mean nothing.
func All(object []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(key, val []byte) bool) {
		i := skipSpace(object, 0)
		if i >= len(object) || object[i] != '{' {
			return
		}
		for {
			i = skipSpace(object, i+1) // behind the brace or a comma
			if i >= len(object) || object[i] != '"' {
				return
			}
			end := skipString(object, i)
			key := object[i:end]
			i = skipSpace(object, skipSpace(object, end)+1) // behind the colon
			end = skipValue(object, i)
			if end == i || !yield(key, object[i:end]) {
				return
			}
			if i = skipSpace(object, end); i >= len(object) || object[i] != ',' {
				return
			}
		}
	}
}

// Each of these returns where what begins at b[i] has ended.

func skipSpace(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\t' || b[i] == '\r') {
		i++
	}
	return min(i, len(b))
}

func skipString(b []byte, i int) int {
	for i++; i < len(b); i++ {
		quote := bytes.IndexByte(b[i:], '"')
		if quote < 0 {
			break
		}
		first := i
		i += quote
		slashes := i
		for slashes > first && b[slashes-1] == '\\' {
			slashes--
		}
		if (i-slashes)%2 == 0 {
			return i + 1
		}
	}
	return len(b)
}

func skipValue(b []byte, i int) int {
	if i >= len(b) {
		return len(b)
	}
	switch b[i] {
	case '"':
		return skipString(b, i)
	case '{', '[':
		return skipNested(b, i)
	}
	for i < len(b) && b[i] > ' ' && b[i] != ',' && b[i] != '}' && b[i] != ']' {
		i++
	}
	return i
}

func skipNested(b []byte, i int) int {
	for depth := 0; i < len(b); {
		switch b[i] {
		case '"':
			i = skipString(b, i)
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
		i++
	}
	return len(b)
}
