package report

import "strings"

// tableHead begins a table. Cells are safe already.
func tableHead(cells ...string) string {
	return tableRow(cells...) + "|" + strings.Repeat("---|", len(cells)) + "\n"
}

// tableRow is one row; a row that is shorter than the head has empty cells at
// its end.
func tableRow(cells ...string) string { return "| " + strings.Join(cells, " | ") + " |\n" }

// Words writes a table of words in Markdown. Nothing in them acts.
func Words(head []string, rows [][]string) string {
	out := tableHead(head...)
	for _, row := range rows {
		cells := make([]string, len(row))
		for i, text := range row {
			cells[i] = line(text)
		}
		out += tableRow(cells...)
	}
	return out
}
