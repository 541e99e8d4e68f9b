//! Aligned text.

use std::fmt;

use unicode_width::UnicodeWidthStr as _;

/// Rows of cells; the first row is the head.
#[derive(Debug)]
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
    /// Of rows that are forgotten.
    widths: Vec<usize>,
}

impl Table {
    pub(crate) fn with_head(head: &[&str]) -> Self {
        let head = head.iter().map(|cell| (*cell).to_owned()).collect();
        Self {
            rows: vec![head],
            widths: Vec::new(),
        }
    }

    /// Names and values, without a head.
    pub(crate) fn of_fields(fields: impl IntoIterator<Item = (&'static str, String)>) -> Self {
        let row = |(name, value): (&str, String)| vec![name.to_owned(), shown(&value)];
        Self {
            rows: fields.into_iter().map(row).collect(),
            widths: Vec::new(),
        }
    }

    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows
            .push(cells.into_iter().map(|cell| shown(&cell)).collect());
    }

    /// Goes on below what has been printed, in columns at least as wide.
    pub(crate) fn forget_rows(&mut self) {
        self.widths = self.widths();
        self.rows.clear();
    }

    fn widths(&self) -> Vec<usize> {
        let mut widths = self.widths.clone();
        for row in &self.rows {
            widths.resize(widths.len().max(row.len()), 0);
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = cell.width().max(*width);
            }
        }
        widths
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widths = self.widths();
        for (index, row) in self.rows.iter().enumerate() {
            let mut line = String::new();
            for (cell, width) in row.iter().zip(&widths) {
                line.push_str(cell);
                line.extend(std::iter::repeat_n(' ', width + 2 - cell.width()));
            }
            let end = if index + 1 < self.rows.len() {
                "\n"
            } else {
                ""
            };
            write!(f, "{}{end}", line.trim_end())?;
        }
        Ok(())
    }
}

/// What was entered by others must not command a terminal: control characters, and those that
/// change the direction of what follows, are shown as `�`.
pub(crate) fn shown(text: &str) -> String {
    let commands = |c: char| {
        c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.replace(commands, "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use super::Table;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell_on_a_terminal() {
        let mut table = Table::with_head(&["NAME", "X"]);
        table.row(["鍵".to_owned(), "1".to_owned()]);
        table.row(["longer".to_owned(), String::new()]);
        assert_eq!(table.to_string(), "NAME    X\n鍵      1\nlonger");
    }

    #[test]
    fn what_comes_later_stands_below() {
        let mut table = Table::with_head(&["NAME", "X"]);
        table.row(["longer".to_owned(), "1".to_owned()]);
        table.forget_rows();
        table.row(["a".to_owned(), "2".to_owned()]);
        assert_eq!(table.to_string(), "a       2");
    }

    #[test]
    fn what_others_entered_commands_no_terminal() {
        let table = Table::of_fields([("name", "a\u{1b}[2J\nb\u{202e}c".to_owned())]);
        assert_eq!(table.to_string(), "name  a\u{fffd}[2J\u{fffd}b\u{fffd}c");
    }
}
