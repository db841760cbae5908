//! Words of clients' screens. We keep none: every client has its own English built in, and is told that nothing differs.

use model::Refusal;
use tl::functions::langpack;
use tl::{enums, types};

use crate::method::{Cx, Guest, Rpc, methods};

methods! {
    langpack::GetLangPack => get_lang_pack, Reads, Empty;
    langpack::GetDifference => get_difference, Reads, Empty;
    langpack::GetStrings => get_strings, Reads, Empty;
    langpack::GetLanguages => get_languages, Reads, Empty;
    langpack::GetLanguage => get_language, Reads, Empty;
}

fn get_lang_pack(_: &mut Cx<'_, '_>, _: Guest, req: langpack::GetLangPack) -> Rpc<types::LangPackDifference> {
    Ok(types::LangPackDifference { lang_code: req.lang_code, version: 1, ..Default::default() })
}

fn get_difference(
    _: &mut Cx<'_, '_>,
    _: Guest,
    req: langpack::GetDifference,
) -> Rpc<types::LangPackDifference> {
    let from_version = req.from_version.max(0);
    Ok(types::LangPackDifference {
        lang_code: req.lang_code,
        from_version,
        version: from_version.max(1),
        strings: Vec::new(),
    })
}

fn get_strings(_: &mut Cx<'_, '_>, _: Guest, _: langpack::GetStrings) -> Rpc<Vec<enums::LangPackString>> {
    Ok(Vec::new())
}

fn english() -> types::LangPackLanguage {
    types::LangPackLanguage {
        official: true,
        name: "English".to_owned(),
        native_name: "English".to_owned(),
        lang_code: "en".to_owned(),
        plural_code: "en".to_owned(),
        ..Default::default()
    }
}

fn get_languages(
    _: &mut Cx<'_, '_>,
    _: Guest,
    _: langpack::GetLanguages,
) -> Rpc<Vec<types::LangPackLanguage>> {
    Ok(vec![english()])
}

fn get_language(_: &mut Cx<'_, '_>, _: Guest, req: langpack::GetLanguage) -> Rpc<types::LangPackLanguage> {
    if req.lang_code == "en" { Ok(english()) } else { Err(Refusal::LangCodeNotSupported.into()) }
}
