//! The table.

const HEADINGS: [&str; 5] = ["what", "pulse", "beside it", "aim", "met"];

/// A line of the table.
pub struct Row {
    /// What was measured.
    pub what: String,
    /// What pulse does.
    pub ours: String,
    /// What a part it stands on does by itself.
    pub beside: String,
    /// What was aimed at, and whether it was reached; absent where a number is only stated.
    pub aim: Option<(String, bool)>,
}

impl Row {
    /// A number that is only stated.
    pub fn stated(what: impl Into<String>, ours: impl Into<String>, beside: impl Into<String>) -> Self {
        Self { what: what.into(), ours: ours.into(), beside: beside.into(), aim: None }
    }

    /// The same with an aim.
    pub fn aiming(self, aim: impl Into<String>, met: bool) -> Self {
        Self { aim: Some((aim.into(), met)), ..self }
    }

    fn cells(&self) -> [&str; 5] {
        let (aim, met) = match &self.aim {
            Some((aim, true)) => (aim.as_str(), "yes"),
            Some((aim, false)) => (aim.as_str(), "**no**"),
            None => ("", ""),
        };
        [&self.what, &self.ours, &self.beside, aim, met]
    }
}

/// The rows as a table that reads well as text, too.
pub fn markdown(rows: &[Row]) -> String {
    let rows: Vec<[&str; 5]> = rows.iter().map(Row::cells).collect();
    let width = |column: usize| {
        let cells = rows.iter().chain([&HEADINGS]).map(|row| row[column].chars().count());
        cells.max().unwrap_or(0)
    };
    let widths: [usize; 5] = std::array::from_fn(width);
    let line = |cells: &[&str; 5]| {
        let cells = cells.iter().zip(widths).map(|(cell, width)| format!(" {cell:width$} "));
        format!("|{}|\n", cells.collect::<Vec<_>>().join("|"))
    };
    let rule = widths.map(|width| "-".repeat(width + 2)).join("|");
    let mut text = format!("{}|{rule}|\n", line(&HEADINGS));
    text.extend(rows.iter().map(line));
    text
}

/// A count with its thousands told apart.
pub fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A ratio with two digits.
pub fn ratio(of: u64, to: u64) -> String {
    let hundredths = of * 100 / to.max(1);
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}
