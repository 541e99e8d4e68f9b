//! What pages load: one style sheet, one script, one picture.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::str::FromStr;
use std::sync::LazyLock;

use axum::http::{HeaderName, header};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use crate::answer::Problem;
use crate::query::Id;

/// Something that pages load. Its name changes with its content, so that it can be kept for good.
#[derive(Debug)]
pub(super) struct Asset {
    name: String,
    media_type: &'static str,
    text: String,
}

static STYLE: LazyLock<Asset> = LazyLock::new(|| {
    let text = include_str!("../../assets/dashboard.css");
    Asset::new("dashboard", "css", "text/css; charset=utf-8", text)
});

static SCRIPT: LazyLock<Asset> = LazyLock::new(|| {
    let text = include_str!("../../assets/dashboard.js");
    Asset::new("dashboard", "js", "text/javascript; charset=utf-8", text)
});

static ICON: LazyLock<Asset> = LazyLock::new(|| {
    let text = include_str!("../../assets/icon.svg");
    Asset::new("icon", "svg", "image/svg+xml", text)
});

/// Where the style sheet is.
pub(super) fn style() -> String {
    STYLE.url()
}

/// Where the script is.
pub(super) fn script() -> String {
    SCRIPT.url()
}

/// Where the icon is.
pub(super) fn icon() -> String {
    ICON.url()
}

/// Show something that pages load.
#[utoipa::path(
    get, path = "/assets/{id}", operation_id = "show_asset", tag = "Dashboard",
    params(("id" = inline(AssetName), Path)),
    responses((status = 200, description = "It, to be kept for good", content(
        (String = "text/css"), (String = "text/javascript"), (String = "image/svg+xml"),
    ))),
)]
pub(super) async fn show(
    Id(AssetName(asset)): Id<AssetName>,
) -> ([(HeaderName, &'static str); 2], &'static str) {
    let headers = [
        (header::CONTENT_TYPE, asset.media_type),
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
    ];
    (headers, &asset.text)
}

/// The name of something that pages load.
#[derive(Debug)]
pub(super) struct AssetName(&'static Asset);

impl Asset {
    fn new(stem: &str, extension: &str, media_type: &'static str, source: &str) -> Self {
        let text = without_notes(source);
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        let hash = hasher.finish();
        Self {
            name: format!("{stem}.{hash:016x}.{extension}"),
            media_type,
            text,
        }
    }

    fn url(&self) -> String {
        format!("/dashboard/assets/{}", self.name)
    }
}

/// A source without its indentation and the lines that are comments, which are for those who
/// read the source. No string in these sources goes over the end of a line.
fn without_notes(source: &str) -> String {
    let is_note = |line: &&str| {
        line.is_empty()
            || line.starts_with("//")
            || (line.starts_with("/*") && line.ends_with("*/"))
    };
    let lines = source.lines().map(str::trim_start);
    let lines: Vec<&str> = lines.filter(|line| !is_note(line)).collect();
    lines.join("\n")
}

fn all() -> [&'static Asset; 3] {
    [&STYLE, &SCRIPT, &ICON]
}

impl FromStr for AssetName {
    type Err = Problem;
    fn from_str(name: &str) -> Result<Self, Problem> {
        let found = all().into_iter().find(|asset| asset.name == name);
        found.map(Self).ok_or_else(Problem::not_found)
    }
}

impl PartialSchema for AssetName {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some("Its name in this version of the service."))
            .enum_values(Some(all().map(|asset| asset.name.as_str())))
            .into()
    }
}

impl ToSchema for AssetName {}
