//! The columns of answers as tables.

/// The first columns, one for each name of the groups, the last.
pub fn columns(first: &[&str], groups: impl IntoIterator<Item = String>, last: &[&str]) -> Vec<String> {
    let groups = groups.into_iter().map(|name| format!("group.{name}"));
    let fixed = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<String>>();
    fixed(first).into_iter().chain(groups).chain(fixed(last)).collect()
}

#[cfg(test)]
mod tests {
    use crate::testing::House;
    use serde_json::{Value, json};
    use std::collections::BTreeSet;

    /// The fields that the description knows of an item.
    async fn fields_of(schema: &str) -> BTreeSet<String> {
        let openapi = serde_json::to_value(House::open().await.openapi).unwrap();
        let fields = openapi["components"]["schemas"][schema]["properties"].as_object().unwrap();
        fields.keys().cloned().collect()
    }

    #[tokio::test]
    async fn every_field_of_an_item_is_a_column() {
        let house = House::furnished().await;
        for (uri, schema, group) in [
            ("/v1/usage?group_by=tenant,dim.region", "UsageItem", &["group.tenant", "group.dim.region"][..]),
            ("/v1/costs", "CostItem", &["group.sku"]),
            ("/v1/charges", "ChargeItem", &[]),
            ("/v1/dead-letters", "DeadLetterItem", &[]),
        ] {
            let table = house.text(uri, "text/csv").await;
            let columns: Vec<&str> = table.lines().next().unwrap().split(',').collect();
            let mut expected = fields_of(schema).await;
            if expected.remove("group") {
                expected.extend(group.iter().map(|name| (*name).to_owned()));
            }
            assert_eq!(columns.len(), expected.len(), "{uri}: a column stands there once");
            assert_eq!(columns.into_iter().map(str::to_owned).collect::<BTreeSet<_>>(), expected, "{uri}");
        }
    }

    #[tokio::test]
    async fn a_table_and_lines_hold_what_json_does() {
        let house = House::furnished().await;
        house
            .count_as(("acme", "llm.input", "token", "2026-03-01T10:00:00Z", "5"), "region=eu", None, 1)
            .await;
        house.count(&[("acme", "llm.input", "token", "2026-03-01T10:00:00Z", "7.5")]).await;
        let uri = "/v1/usage?period=2026-03&group_by=tenant,dim.region";
        let expected = "start_time,end_time,group.tenant,group.dim.region,other,quantity,unit,count\r\n\
            2026-03-01T00:00:00Z,2026-04-01T00:00:00Z,acme,,,7.5,token,1\r\n\
            2026-03-01T00:00:00Z,2026-04-01T00:00:00Z,acme,eu,,5,token,1\r\n";
        assert_eq!(house.text(uri, "text/csv").await, expected);
        let lines = house.text(uri, "application/x-ndjson").await;
        let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(json!(lines), json!(house.items(uri).await));
    }
}
