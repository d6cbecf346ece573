//! The markup that sanitised texts have, and a check of it that does not parse HTML: a stored text
//! without other tags was sanitised before ([`super::rich_text`]). Whether its tags are nested as
//! they should be is not checked, because that can do no harm.

/// The allowed elements.
pub const ELEMENTS: [&str; 7] = ["b", "i", "em", "strong", "a", "p", "br"];

/// The schemes of links.
pub(super) const SCHEMES: [&str; 3] = ["http", "https", "mailto"];

/// The `rel` of every link.
pub(super) const LINK_REL: &str = "noopener noreferrer nofollow";

/// Whether every `<` of a text begins a tag that the sanitiser could have written.
pub(super) fn has_sanitised_tags_only(text: &str) -> bool {
    text.split('<').skip(1).all(|part| {
        let Some((tag, _)) = part.split_once('>') else { return false };
        let name = tag.strip_prefix('/').unwrap_or(tag);
        ELEMENTS.contains(&name) || tag.strip_prefix("a ").is_some_and(is_link)
    })
}

/// Whether these are attributes of a link, in quotation marks and with one space between them.
fn is_link(attributes: &str) -> bool {
    let mut rest = attributes;
    loop {
        let Some((name, quoted)) = rest.split_once("=\"") else { return false };
        let Some((value, after)) = quoted.split_once('"') else { return false };
        let is_allowed = match name {
            "href" => value.split_once(':').is_some_and(|(scheme, _)| SCHEMES.contains(&scheme)),
            "title" => true,
            "rel" => value == LINK_REL,
            _ => false,
        };
        if !is_allowed || after.is_empty() {
            return is_allowed;
        }
        let Some(next) = after.strip_prefix(' ') else { return false };
        rest = next;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::rich_text::{RichText, SANITISED};
    use crate::model::trusted::from_stored;

    #[test]
    fn other_tags_and_attributes_are_not_those_of_the_sanitiser() {
        for (text, is_sanitised) in [
            ("plain & simple", true),
            ("<b>x</b><br>y", true),
            ("<p>x <a href=\"https://x.y\" title=\"t\">l</a>", true),
            ("<a rel=\"noopener noreferrer nofollow\">l</a>", true),
            ("<a href=\"mailto:a@b.c\">l</a>", true),
            ("<a href=\"javascript:alert(1)\">l</a>", false),
            ("<a href=\" https://x.y\">l</a>", false),
            ("<a href=https://x.y>l</a>", false),
            ("<a href=\"https://x.y\"onclick=\"z()\">l</a>", false),
            ("<a href=\"https://x.y\" onclick=\"z()\">l</a>", false),
            ("<a rel=\"opener\">l</a>", false),
            ("<b onclick=\"z()\">x</b>", false),
            ("<B>x</B>", false),
            ("<script>x</script>", false),
            ("a < b", false),
            ("<b", false),
            ("<!-- c -->", false),
        ] {
            assert_eq!(has_sanitised_tags_only(text), is_sanitised, "{text}");
        }
    }

    #[test]
    fn stored_text_is_sanitised_only_if_it_has_other_tags() {
        let read = |text: &str| {
            let before = SANITISED.get();
            let json = serde_json::to_string(text).expect("JSON");
            let text: RichText = from_stored(&json).expect("a text");
            (text.into_string(), SANITISED.get() - before)
        };
        assert_eq!(read("<b>x</b>"), ("<b>x</b>".to_owned(), 0));
        assert_eq!(read("<b>x</b><script>y</script>"), ("<b>x</b>".to_owned(), 1));
    }

    proptest! {
        #[test]
        fn what_the_sanitiser_writes_is_recognised(
            raw in "([<>/=\"'& a-c]|</?b>|<p>|<a href=\"http://x\">|<a title='>'>|</a>|<br>){0,40}",
        ) {
            let text = RichText::new(&raw);
            // A `>` in a title is the only thing that may look like another tag.
            prop_assert!(has_sanitised_tags_only(text.as_str()) || raw.contains("title"));
        }
    }
}
