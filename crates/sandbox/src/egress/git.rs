//! Telling a fetch from a push in git's HTTP protocol, in favour of calling it a push.

use http::header::CONTENT_TYPE;
use http::{Method, request};
use percent_encoding::percent_decode_str;

const PUSH: &str = "git-receive-pack";

/// Whether the request belongs to a push, in any spelling that some server may understand.
pub(super) fn pushes(head: &request::Parts) -> bool {
    let kinds = head.headers.get_all(CONTENT_TYPE).iter();
    let mut kinds = kinds.filter_map(|value| value.to_str().ok());
    contains(&decoded(head), PUSH) || kinds.any(|kind| contains(kind, PUSH))
}

/// Whether the request is one of the two kinds of which a clone or fetch consists.
pub(super) fn fetches(head: &request::Parts) -> bool {
    let (path, query) = (head.uri.path(), head.uri.query());
    let asks = path.ends_with("/info/refs") && query == Some("service=git-upload-pack");
    let takes = path.ends_with("/git-upload-pack") && query.is_none();
    let fits = match head.method {
        Method::GET => asks,
        Method::POST => takes,
        _ => false,
    };
    fits && !decoded(head).contains("..")
}

/// The target with its percent signs resolved, twice in case somebody else does so too.
fn decoded(head: &request::Parts) -> String {
    let target = head
        .uri
        .path_and_query()
        .map_or("", |target| target.as_str());
    let once = percent_decode_str(target).decode_utf8_lossy().into_owned();
    percent_decode_str(&once).decode_utf8_lossy().into_owned()
}

fn contains(text: &str, word: &str) -> bool {
    text.to_ascii_lowercase().contains(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(method: &str, uri: &str) -> request::Parts {
        let request = http::Request::builder().method(method).uri(uri);
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn a_push_is_seen_in_every_spelling() {
        for (method, uri) in [
            ("GET", "/a.git/info/refs?service=git-receive-pack"),
            ("POST", "/a.git/git-receive-pack"),
            ("POST", "/a.git/git%2Dreceive-pack"),
            ("POST", "/a.git/git%252Dreceive-pack"),
            ("POST", "/a.git//GIT-RECEIVE-PACK/"),
            ("GET", "/a.git/info/refs?a=b&service=%67it-receive-pack"),
        ] {
            assert!(pushes(&head(method, uri)), "{method} {uri}");
            assert!(!fetches(&head(method, uri)), "{method} {uri}");
        }
    }

    #[test]
    fn a_fetch_is_nothing_but_a_fetch() {
        let table = [
            ("GET", "/a.git/info/refs?service=git-upload-pack", true),
            ("POST", "/a.git/git-upload-pack", true),
            ("GET", "/api/v1/repos", false),
            ("POST", "/a.git/info/refs?service=git-upload-pack", false),
            ("DELETE", "/a.git/git-upload-pack", false),
            ("POST", "/../api/git-upload-pack", false),
        ];
        for (method, uri, fetch) in table {
            assert_eq!(fetches(&head(method, uri)), fetch, "{method} {uri}");
            assert!(!pushes(&head(method, uri)), "{method} {uri}");
        }
    }
}
