//! What holds for a directory holds in memory, and so, by the same calls, for other places.

use super::*;

struct Place {
    blobs: Blobs,
    dir: Option<tempfile::TempDir>,
}

fn places() -> [Place; 2] {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let local = Blobs::local(&dir.path().join("blobs")).expect("a directory");
    [Place { blobs: local, dir: Some(dir) }, Place { blobs: Blobs::memory(), dir: None }]
}

fn key(name: &str) -> BlobKey {
    BlobKey::new(name).expect("a key")
}

#[tokio::test]
async fn what_is_put_is_read_by_ranges() {
    for Place { blobs, dir: _dir } in places() {
        let blob = key("photo/1/2");
        assert_eq!(blobs.range(&blob, 0, 10).await, Err(BlobError::NotFound(blob.clone())));
        assert_eq!(blobs.exists(&blob).await, Ok(false));
        blobs.put(&blob, Bytes::from_static(b"0123456789")).await.expect("a put");
        assert_eq!((blobs.exists(&blob).await, blobs.length(&blob).await), (Ok(true), Ok(10)));
        for (offset, limit, expected) in [
            (0, 10, "0123456789"),
            (0, 1000, "0123456789"),
            (3, 4, "3456"),
            (8, 4, "89"),
            (10, 4, ""),
            (11, 4, ""),
            (u64::MAX, 4, ""),
            (2, 0, ""),
            (0, usize::MAX, "0123456789"),
        ] {
            let found = blobs.range(&blob, offset, limit).await.expect("a range");
            assert_eq!(found, expected, "{limit} bytes from {offset}");
        }
        blobs.put(&blob, Bytes::from_static(b"new")).await.expect("a put in its place");
        assert_eq!(blobs.range(&blob, 0, 10).await.expect("a range"), "new");
        blobs.put(&blob, Bytes::new()).await.expect("an empty one");
        assert_eq!(blobs.range(&blob, 0, 10).await.expect("a range"), "");
        blobs.delete(&blob).await.expect("a removal");
        blobs.delete(&blob).await.expect("nothing to remove");
        assert_eq!(blobs.exists(&blob).await, Ok(false));
    }
}

#[tokio::test]
async fn a_run_of_parts_is_read_across_their_borders() {
    for Place { blobs, dir: _dir } in places() {
        let bytes: Vec<u8> = (0..2_500_u32).map(|n| u8::try_from(n % 251).expect("below 251")).collect();
        let parts = Parts { whole: key("upload/7"), part_bytes: 1000, total_bytes: 2500 };
        for (number, part) in (0..).zip(bytes.chunks(1000)) {
            let part_key = parts.whole.part(number).expect("a key");
            blobs.put(&part_key, Bytes::copy_from_slice(part)).await.expect("a put");
        }
        for (offset, limit) in
            [(0, 1000), (0, 2500), (0, 9999), (999, 2), (1000, 1), (500, 1700), (2400, 500), (2500, 5)]
        {
            let found = blobs.range_of_parts(&parts, offset as u64, limit).await.expect("a range");
            let end = bytes.len().min(offset + limit);
            assert_eq!(found, bytes[offset..end], "{limit} bytes from {offset}");
        }
        let longer = Parts { total_bytes: 2600, ..parts.clone() };
        assert!(
            matches!(blobs.range_of_parts(&longer, 2400, 200).await, Err(BlobError::NotFound(_))),
            "a short part"
        );
        assert_eq!(blobs.delete_parts(&parts.whole).await, Ok(3));
        assert!(matches!(blobs.range_of_parts(&parts, 0, 10).await, Err(BlobError::NotFound(_))));
        let empty = Parts { part_bytes: 0, total_bytes: 0, ..parts };
        assert_eq!(blobs.range_of_parts(&empty, 0, 10).await.expect("nothing"), "");
    }
}

#[tokio::test]
async fn the_collector_sees_every_blob_once() {
    for Place { blobs, dir: _dir } in places() {
        let mut put: Vec<BlobKey> = (0..40).map(|n| key(&format!("document/{}/{n}", n / 4))).collect();
        for blob in &put {
            blobs.put(blob, Bytes::from_static(b"xy")).await.expect("a put");
        }
        let (mut found, mut next) = (Vec::new(), Some(0));
        while let Some(from) = next {
            let (some, goes_on) = blobs.list(from, 7).await.expect("a listing");
            assert!(some.iter().all(|blob| blob.bytes == 2 && blob.put_at.elapsed().is_ok()));
            found.extend(some.into_iter().map(|blob| blob.key));
            next = goes_on;
        }
        found.sort();
        put.sort();
        assert_eq!(found, put);
    }
}

#[tokio::test]
async fn a_blob_that_is_too_large_is_refused() {
    let blobs = Blobs::memory();
    let bytes = Bytes::from(vec![0; BLOB_BYTES_MAX + 1]);
    let refused = blobs.put(&key("a"), bytes.clone()).await;
    assert_eq!(refused, Err(BlobError::TooLarge { bytes: BLOB_BYTES_MAX + 1 }));
    blobs.put(&key("a"), bytes.slice(1..)).await.expect("just right");
}

#[tokio::test]
async fn what_a_crash_left_half_written_is_tidied_away() {
    let [Place { blobs, dir }, memory] = places();
    let root = dir.expect("the local one").path().join("blobs");
    blobs.put(&key("a/1"), Bytes::from_static(b"whole")).await.expect("a put");
    let folder = root.join(key("a/1").path().as_ref()).parent().expect("a folder").to_owned();
    std::fs::write(folder.join("2#1"), b"half").expect("a file");
    assert_eq!(blobs.list(0, 10).await.expect("a listing").0.len(), 1, "what is not finished is not there");
    assert_eq!(
        blobs.remove_unfinished(Duration::from_secs(3600)).await,
        Ok(0),
        "somebody may still write it"
    );
    assert_eq!(blobs.remove_unfinished(Duration::ZERO).await, Ok(1));
    assert_eq!(blobs.range(&key("a/1"), 0, 9).await.expect("a range"), "whole");
    assert_eq!(memory.blobs.remove_unfinished(Duration::ZERO).await, Ok(0));
}

#[tokio::test]
async fn blobs_are_there_when_the_directory_is_opened_again() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let blob = key("photo/9");
    Blobs::local(dir.path())
        .expect("a directory")
        .put(&blob, Bytes::from_static(b"kept"))
        .await
        .expect("a put");
    let again = Blobs::local(dir.path()).expect("a directory");
    assert_eq!(again.range(&blob, 0, 9).await.expect("a range"), "kept");
    let file = dir.path().join("file");
    std::fs::write(&file, b"x").expect("a file");
    assert!(matches!(Blobs::local(&file), Err(BlobError::Io { .. })));
}
