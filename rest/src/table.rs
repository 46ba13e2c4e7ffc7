//! Items as tables: CSV as RFC 4180 has it, and one item a line.

use serde_json::Value;
use std::borrow::Cow;

/// A line of names, then a line for each item; lines end with CR LF.
pub(crate) fn csv(columns: &[String], items: &[Value]) -> String {
    let mut text = String::new();
    write(&mut text, columns.iter().map(|name| Cow::Borrowed(name.as_str())));
    for item in items {
        write(&mut text, columns.iter().map(|path| cell(item, path)));
    }
    text
}

/// Each item on a line of its own.
pub(crate) fn lines(items: &[Value]) -> String {
    items.iter().flat_map(|item| [item.to_string(), "\n".to_owned()]).collect()
}

/// A value as a cell shows it: text as it is, nothing where there is none, JSON where it has parts.
pub(crate) fn text(value: &Value) -> Cow<'_, str> {
    match value {
        Value::String(text) => Cow::Borrowed(text),
        Value::Null => Cow::Borrowed(""),
        other => Cow::Owned(other.to_string()),
    }
}

/// The value at `group.dim.region`: of the field `group` the field `dim.region`.
fn cell<'a>(item: &'a Value, path: &str) -> Cow<'a, str> {
    let value = match path.split_once('.') {
        Some((field, part)) => item.get(field).and_then(|field| field.get(part)),
        None => item.get(path),
    };
    text(value.unwrap_or(&Value::Null))
}

fn write<'a>(text: &mut String, cells: impl Iterator<Item = Cow<'a, str>>) {
    for (index, cell) in cells.enumerate() {
        if index > 0 {
            text.push(',');
        }
        if cell.contains(['"', ',', '\r', '\n']) {
            text.extend(["\"", &cell.replace('"', "\"\""), "\""]);
        } else {
            text.push_str(&cell);
        }
    }
    text.push_str("\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn columns(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn cells_show_text_as_it_is_and_parts_as_json() {
        let item = json!({
            "text": "acme", "number": 5, "yes": true, "none": null, "list": ["a", "b"],
            "group": {"dim.region": "eu", "sku": null, "deep": {"x": 1}},
        });
        let names = [
            "text",
            "number",
            "yes",
            "none",
            "absent",
            "list",
            "group.dim.region",
            "group.sku",
            "group.deep",
            "text.x",
        ];
        let table = csv(&columns(&names), &[item]);
        let row = table.lines().nth(1).unwrap();
        assert_eq!(row, r#"acme,5,true,,,"[""a"",""b""]",eu,,"{""x"":1}","#);
    }

    #[test]
    fn what_would_break_a_line_is_quoted() {
        let cells = ["a,b", "say \"no\"", "two\nlines", "cr\rlf", " plain ", "'"];
        let items: Vec<Value> = cells.iter().map(|cell| json!({"cell": cell})).collect();
        let expected =
            "cell\r\n\"a,b\"\r\n\"say \"\"no\"\"\"\r\n\"two\nlines\"\r\n\"cr\rlf\"\r\n plain \r\n'\r\n";
        assert_eq!(csv(&columns(&["cell"]), &items), expected);
    }

    #[test]
    fn without_items_a_table_is_its_names_and_lines_are_none() {
        assert_eq!(csv(&columns(&["a", "b,c"]), &[]), "a,\"b,c\"\r\n");
        assert_eq!(lines(&[]), "");
        assert_eq!(lines(&[json!({"a": "x\ny"}), json!({})]), "{\"a\":\"x\\ny\"}\n{}\n");
    }
}
