//! Rows on standard output, each column as wide as its widest cell.

use super::out::{printable, sayln};

/// Says a table; its first row is the heading. Cells are what partners and users said: nothing in them does anything to a terminal.
pub(super) fn say<const N: usize>(table: &[[String; N]]) {
    let printable = |row: &[String; N]| row.each_ref().map(|cell| printable(cell));
    let table: Vec<_> = table.iter().map(printable).collect();
    let mut widths = [0; N];
    for row in &table {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    for row in table {
        let mut text = String::new();
        for (cell, width) in row.iter().zip(widths) {
            text.push_str(&format!("{cell:width$}  "));
        }
        sayln!("{}", text.trim_end());
    }
}
