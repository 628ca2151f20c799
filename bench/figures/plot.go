package main

import (
	"fmt"
	"html"
	"math"
	"os"
	"path/filepath"
	"strings"
)

// plot is a diagram with logarithmic axes: what grows in proportion is a line of
// the same slope as the grid's diagonal, what stays as it is lies flat.
type plot struct {
	file, title, x, y string
	lines             []line
}

// line is what one server did.
type line struct {
	name   string
	points [][2]float64
}

// styles are those of the lines, by server: they differ also without color.
var styles = map[string]struct{ color, dash, mark string }{
	"raw":    {"#666666", "2 3", "M-4 0H4M0-4V4"},
	"us":     {"#0b57d0", "", "M-4-4H4V4H-4Z"},
	"go-sdk": {"#c2410c", "7 3", "M0-5L5 4H-5Z"},
	"mcp-go": {"#15803d", "9 3 2 3", "M0-5L5 0L0 5L-5 0Z"},
}

// The picture, and in it the area of the axes. The legend is right of it.
const (
	width, height = 680, 400
	left, right   = 72, 560
	top, bottom   = 44, 340
)

// axis goes over whole powers of ten.
type axis struct {
	first, last int
	begin, end  float64 // in the picture
}

func (p *plot) axis(which int, begin, end float64) axis {
	least, most := math.Inf(1), math.Inf(-1)
	for _, l := range p.lines {
		for _, at := range l.points {
			if at[which] > 0 {
				least, most = min(least, at[which]), max(most, at[which])
			}
		}
	}
	if least > most {
		least, most = 1, 10
	}
	a := axis{int(math.Floor(math.Log10(least))), int(math.Ceil(math.Log10(most))), begin, end}
	a.last = max(a.last, a.first+1)
	return a
}

func (a axis) at(v float64) float64 {
	part := (math.Log10(v) - float64(a.first)) / float64(a.last-a.first)
	return a.begin + part*(a.end-a.begin)
}

// ticks calls for one to nine times each power of ten.
func (a axis) ticks(do func(v, at float64, whole bool)) {
	for power := a.first; power <= a.last; power++ {
		for times := 1; times < 10 && (power < a.last || times == 1); times++ {
			v := float64(times) * math.Pow(10, float64(power))
			do(v, a.at(v), times == 1)
		}
	}
}

// short writes a power of ten.
func short(v float64) string {
	switch {
	case v >= 1e9:
		return fmt.Sprintf("%.0fG", v/1e9)
	case v >= 1e6:
		return fmt.Sprintf("%.0fM", v/1e6)
	case v >= 1e3:
		return fmt.Sprintf("%.0fk", v/1e3)
	}
	return fmt.Sprint(v)
}

func (p *plot) svg() []byte {
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" font-family="sans-serif" font-size="13">`+"\n",
		width, height, width, height)
	fmt.Fprintf(&b, `<rect width="100%%" height="100%%" fill="#fff"/>`+"\n")
	text(&b, (left+right)/2, 26, `text-anchor="middle" font-size="16"`, p.title)
	xs, ys := p.axis(0, left, right), p.axis(1, bottom, top)
	grid := func(whole bool) string {
		if whole {
			return "#bbb"
		}
		return "#eee"
	}
	var over strings.Builder // decades over what is between them
	xs.ticks(func(v, at float64, whole bool) {
		to := &b
		if whole {
			to = &over
			text(&over, at, bottom+20, `text-anchor="middle"`, short(v))
		}
		fmt.Fprintf(to, `<path d="M%.1f %dV%d" stroke="%s"/>`+"\n", at, top, bottom, grid(whole))
	})
	ys.ticks(func(v, at float64, whole bool) {
		to := &b
		if whole {
			to = &over
			text(&over, left-8, at+4, `text-anchor="end"`, short(v))
		}
		fmt.Fprintf(to, `<path d="M%d %.1fH%d" stroke="%s"/>`+"\n", left, at, right, grid(whole))
	})
	b.WriteString(over.String())
	text(&b, (left+right)/2, bottom+46, `text-anchor="middle"`, p.x)
	text(&b, 0, 0, fmt.Sprintf(`text-anchor="middle" transform="translate(18 %d) rotate(-90)"`, (top+bottom)/2), p.y)
	for i, l := range p.lines {
		p.draw(&b, l, xs, ys)
		p.legend(&b, l.name, float64(top+20+26*i))
	}
	b.WriteString("</svg>\n")
	return []byte(b.String())
}

func text(b *strings.Builder, x, y float64, attributes, what string) {
	fmt.Fprintf(b, `<text x="%.1f" y="%.1f" fill="#111" %s>%s</text>`+"\n", x, y, attributes, html.EscapeString(what))
}

func (p *plot) draw(b *strings.Builder, l line, xs, ys axis) {
	style := styles[l.name]
	var path, marks strings.Builder
	for _, at := range l.points {
		if !(at[0] > 0 && at[1] > 0) {
			continue // there is no logarithm
		}
		command := "L"
		if path.Len() == 0 {
			command = "M"
		}
		x, y := xs.at(at[0]), ys.at(at[1])
		fmt.Fprintf(&path, "%s%.1f %.1f", command, x, y)
		fmt.Fprintf(&marks, `<path transform="translate(%.1f %.1f)" d="%s" fill="%s" stroke="%s"/>`+"\n", x, y, style.mark, style.color, style.color)
	}
	fmt.Fprintf(b, `<path d="%s" fill="none" stroke="%s" stroke-width="2" stroke-dasharray="%s"/>`+"\n", path.String(), style.color, style.dash)
	b.WriteString(marks.String())
}

func (p *plot) legend(b *strings.Builder, name string, y float64) {
	style := styles[name]
	fmt.Fprintf(b, `<path d="M%d %.1fh34" stroke="%s" stroke-width="2" stroke-dasharray="%s"/>`+"\n", right+16, y, style.color, style.dash)
	fmt.Fprintf(b, `<path transform="translate(%d %.1f)" d="%s" fill="%s" stroke="%s"/>`+"\n", right+33, y, style.mark, style.color, style.color)
	text(b, right+58, y+4, "", name)
}

func (p *plot) write(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, p.file), p.svg(), 0o644)
}
