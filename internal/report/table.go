package report

import "strings"

// tableHead begins a table. Cells are safe already.
func tableHead(cells ...string) string {
	return tableRow(cells...) + "|" + strings.Repeat("---|", len(cells)) + "\n"
}

// tableRow is one row; a row that is shorter than the head has empty cells at
// its end.
func tableRow(cells ...string) string { return "| " + strings.Join(cells, " | ") + " |\n" }
