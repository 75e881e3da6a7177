//go:build linux

package main

import (
	"bytes"
	"cmp"
	"fmt"
	"image/color"
	"os"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// A theme is the colours for a page. The background is the page's own.
type theme struct {
	name                      string
	text, faint               color.Color
	ours, fine, harm, nothing color.Color
}

func themes() []theme {
	return []theme{
		{"light", rgb(0x1f2328), rgb(0x818b98), rgb(0x0969da), rgb(0xafb8c1), rgb(0xe16f24), rgb(0xd8dee4)},
		{"dark", rgb(0xe6edf3), rgb(0x8b949e), rgb(0x4493f8), rgb(0x6e7681), rgb(0xdb6d28), rgb(0x3d444d)},
	}
}

func rgb(hex uint32) color.Color {
	return color.NRGBA{R: uint8(hex >> 16), G: uint8(hex >> 8), B: uint8(hex), A: 0xff}
}

// The plot has a panel for each of these loads, over this distance in ms.
const plottedRoundTrip = 100

func plottedLoads() []string { return []string{"2 files", "10 files", "100 files"} }

// The size of the plot and its parts.
const (
	width, height = 840, 320
	head, foot    = 46, 26
	barWidth      = 13
)

// writePlots writes the plot for each theme.
func (r *Results) writePlots(dir string) error {
	for _, t := range themes() {
		svg, err := r.plot(t)
		if err != nil {
			return err
		}
		if err := os.WriteFile(fmt.Sprintf("%s/benchmarks-%s.svg", dir, t.name), svg, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// plot draws how long a publish takes, as an SVG.
func (r *Results) plot(t theme) ([]byte, error) {
	var panels []*plot.Plot
	order := r.plottedTools()
	for i, load := range plottedLoads() {
		p, err := r.panel(t, load, order, i == 0)
		if err != nil {
			return nil, err
		}
		panels = append(panels, p)
	}
	canvas := vgsvg.New(width, height)
	all := draw.New(canvas)
	tiles := draw.Tiles{Rows: 1, Cols: len(panels), PadX: 14, PadTop: head, PadBottom: foot, PadLeft: 4, PadRight: 4}
	for i, area := range plot.Align([][]*plot.Plot{panels}, tiles, all)[0] {
		panels[i].Draw(area)
		left := panels[i].DataCanvas(area).Min.X
		all.FillText(style(t.faint, 11, draw.XLeft), vg.Point{X: left, Y: height - head + 6}, plottedLoads()[i])
	}
	title := fmt.Sprintf("Seconds to publish a release over a round trip of %d ms (each column has its own scale)", plottedRoundTrip)
	all.FillText(style(t.text, 13, draw.XLeft), vg.Point{X: 4, Y: height - 18}, title)
	legend(all, t)
	var svg bytes.Buffer
	if _, err := canvas.WriteTo(&svg); err != nil {
		return nil, err
	}
	// Its fonts have the widths of Arial, which is on more machines.
	return bytes.ReplaceAll(svg.Bytes(), []byte("font-family:Liberation Sans"), []byte("font-family:Arial,Helvetica,Liberation Sans,sans-serif")), nil
}

// plottedTools are those that were measured, the fastest first.
func (r *Results) plottedTools() (names []string) {
	middle := plottedLoads()[1]
	for _, t := range r.Tools {
		if _, ok := r.cell(t.Name, middle, plottedRoundTrip); ok && t.Name != oursFresh {
			names = append(names, t.Name)
		}
	}
	slices.SortStableFunc(names, func(a, b string) int {
		first, _ := r.cell(a, middle, plottedRoundTrip)
		second, _ := r.cell(b, middle, plottedRoundTrip)
		return cmp.Or(count(b == theFloor)-count(a == theFloor), cmp.Compare(first.Wall, second.Wall))
	})
	return names
}

// panel draws a bar for each tool, the first one at the top.
func (r *Results) panel(t theme, load string, order []string, labelled bool) (*plot.Plot, error) {
	p := plot.New()
	p.BackgroundColor = nil
	p.HideX()
	p.Y.LineStyle.Width, p.Y.Tick.LineStyle.Width, p.Y.Padding = 0, 0, 2
	p.Y.Tick.Label = style(t.text, 11, draw.XRight)
	p.Y.Tick.Label.YAlign = draw.YCenter
	var ticks []plot.Tick
	values := plotter.XYLabels{}
	for i, name := range order {
		at := float64(len(order) - 1 - i)
		if labelled {
			ticks = append(ticks, plot.Tick{Value: at, Label: name})
		}
		c, ok := r.cell(name, load, plottedRoundTrip)
		if !ok {
			continue
		}
		bar, err := plotter.NewBarChart(plotter.Values{c.Wall / 1000}, barWidth)
		if err != nil {
			return nil, err
		}
		bar.Horizontal, bar.XMin, bar.LineStyle.Width, bar.Color = true, at, 0, r.colour(t, name)
		p.Add(bar)
		values.XYs = append(values.XYs, plotter.XY{X: c.Wall / 1000, Y: at})
		values.Labels = append(values.Labels, seconds(c.Wall))
	}
	p.Y.Tick.Marker = plot.ConstantTicks(ticks)
	p.Y.Min, p.Y.Max, p.X.Min = -0.5, float64(len(order))-0.5, 0
	labels, err := plotter.NewLabels(values)
	if err != nil {
		return nil, err
	}
	labels.Offset = vg.Point{X: 4, Y: 1.5}
	for i := range labels.TextStyle {
		labels.TextStyle[i] = style(t.text, 10, draw.XLeft)
		labels.TextStyle[i].YAlign = draw.YCenter
	}
	p.Add(labels)
	p.X.Max *= 1.2 // room for the last label
	return p, nil
}

func (r *Results) colour(t theme, tool string) color.Color {
	switch {
	case tool == ours:
		return t.ours
	case tool == theFloor:
		return t.nothing
	case r.harms(tool):
		return t.harm
	}
	return t.fine
}

// legend says below what the colours mean.
func legend(c draw.Canvas, t theme) {
	x := vg.Length(4)
	for _, entry := range []struct {
		colour color.Color
		text   string
	}{
		{t.ours, ours},
		{t.fine, "devices see whole files, and version last"},
		{t.harm, "devices may see half a file, or no version"},
		{t.nothing, "the floor: logs in and does nothing"},
	} {
		box := vg.Rectangle{Min: vg.Point{X: x, Y: 6}, Max: vg.Point{X: x + 9, Y: 15}}
		c.FillPolygon(entry.colour, []vg.Point{box.Min, {X: box.Max.X, Y: box.Min.Y}, box.Max, {X: box.Min.X, Y: box.Max.Y}})
		s := style(t.faint, 10, draw.XLeft)
		c.FillText(s, vg.Point{X: x + 14, Y: 7}, entry.text)
		x += 14 + s.Width(entry.text) + 18
	}
}

func style(c color.Color, size vg.Length, align text.XAlignment) text.Style {
	return text.Style{
		Color: c, XAlign: align, Handler: plot.DefaultTextHandler,
		Font: font.From(font.Font{Typeface: "Liberation", Variant: "Sans"}, size),
	}
}
