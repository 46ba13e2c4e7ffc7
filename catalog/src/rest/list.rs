//! Pages of a list, cut by id: what is put meanwhile moves nothing.

use super::Api;
use ::rest::page::PageSize;
use ::rest::{Params, Problem};
use serde::Deserialize;
use utoipa::IntoParams;

/// The parameters of every list.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ListParams {
    /// Answer only when everything below this catalogue offset is seen: read your own writes.
    pub(super) catalog_offset: Option<u64>,
    /// Items a page, 1 to 1,000; 100 where absent.
    #[param(value_type = Option<u16>, minimum = 1, maximum = 1000)]
    page_size: Option<PageSize>,
    /// `next_page_token` of the page before.
    page_token: Option<String>,
}

/// A part of a list.
pub(super) struct Page<T> {
    pub(super) items: Vec<T>,
    pub(super) next_page_token: Option<String>,
}

impl Api {
    /// The page that is asked for, of all items by rising key.
    pub(super) fn page<T>(
        &self,
        params: &Params<ListParams>,
        all: impl Iterator<Item = (String, T)>,
    ) -> Result<Page<T>, Problem> {
        let ListParams { page_size, page_token, .. } = &params.value;
        let open = |token: &String| self.page_key.open(&params.canonical, token);
        let after = page_token.as_ref().map(open).transpose()?;
        let mut rest = all.skip_while(|(key, _)| after.as_ref().is_some_and(|after| key <= after));
        let page: Vec<(String, T)> = rest.by_ref().take(page_size.unwrap_or_default().items()).collect();
        let last = rest.next().and_then(|_| page.last()).map(|(key, _)| key);
        let next_page_token = last.map(|key| self.page_key.sign(&params.canonical, key));
        Ok(Page { items: page.into_iter().map(|(_, item)| item).collect(), next_page_token })
    }
}
