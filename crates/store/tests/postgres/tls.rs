//! TLS to the database: as much as was asked for, or no connection.

use crate::place::Place;
use crate::world::at;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use std::path::Path;
use tokio_postgres::{Client, NoTls};
use wardroom_store::*;

/// An authority of our own, and what it says of a host.
fn certified(host: &str) -> (String, String, String) {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let host = CertificateParams::new(vec![host.to_owned()]).unwrap();
    let certificate = host.signed_by(&key, &authority).unwrap();
    (authority.pem(), certificate.pem(), key.serialize_pem())
}

/// Teaches the server TLS: it writes the files itself, where only it reads them.
async fn teach(client: &Client, certificate: &str, key: &str) {
    for (name, pem) in [("server.crt", certificate), ("server.key", key)] {
        let sql = format!(
            "COPY (SELECT unnest(string_to_array('{pem}', E'\\n'))) \
             TO PROGRAM 'umask 077; cat > {name}'"
        );
        client.batch_execute(&sql).await.unwrap();
    }
    let on = "ALTER SYSTEM SET ssl = on";
    client.batch_execute(on).await.unwrap();
    client
        .batch_execute("SELECT pg_reload_conf()")
        .await
        .unwrap();
}

/// Whether a connection comes about, and is encrypted.
async fn connects(client: &Client, url: &str, asked: &str) -> Result<bool, String> {
    let name = format!("tls_{}", crate::world::fresh());
    let url = format!("{url}?{asked}&application_name={name}");
    let store =
        Store::connect(&url, OpenOptions::write(at(1))).map_err(|error| error.to_string())?;
    let sql = "SELECT bool_and(s.ssl) FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid) \
               WHERE a.application_name = $1";
    let seen = client.query_one(sql, &[&name]).await.unwrap();
    drop(store);
    Ok(seen.get(0))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_way_to_the_database_is_as_closed_as_was_asked() {
    let folder = tempfile::tempdir().unwrap();
    let place = Place::fresh(folder.path());
    let (client, connection) = tokio_postgres::connect(&place.url(), NoTls).await.unwrap();
    tokio::spawn(connection);
    let (authority, certificate, key) = certified("localhost");
    teach(&client, &certificate, &key).await;
    let file = |name: &str, pem: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, pem).unwrap();
        path
    };
    let roots = |path: &Path| format!("sslmode=verify-full&sslrootcert={}", path.display());
    let ours = roots(&file("ours.pem", &authority));
    let foreign = roots(&file("foreign.pem", &certified("localhost").0));
    let by_name = place.url().replace("127.0.0.1", "localhost");
    // A server that reloads takes a moment.
    let until = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while connects(&client, &by_name, &ours).await != Ok(true) {
        assert!(std::time::Instant::now() < until, "no TLS at the server");
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    assert_eq!(
        connects(&client, &by_name, "sslmode=require").await,
        Ok(true)
    );
    assert_eq!(
        connects(&client, &by_name, "sslmode=prefer").await,
        Ok(true)
    );
    assert_eq!(
        connects(&client, &by_name, "sslmode=disable").await,
        Ok(false)
    );
    // Another authority, another name, no authority at all.
    for (url, asked) in [
        (by_name.as_str(), foreign.as_str()),
        (&place.url(), ours.as_str()),
        (&by_name, "sslmode=verify-full"),
    ] {
        let told = connects(&client, url, asked).await.unwrap_err();
        assert!(told.contains("certificate"), "{asked}: {told}");
    }
    let told = connects(&client, &by_name, "sslmode=verify-ca").await;
    assert!(told.unwrap_err().contains("sslmode=verify-ca is not one"));
    let idle = ours.replace("verify-full", "require");
    let told = connects(&client, &by_name, &idle).await;
    assert!(told.unwrap_err().contains("counts for nothing"));
}
