use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use secrecy::ExposeSecret;
use tokio::time::{advance, sleep};

use super::*;

/// Gives `token-1`, `token-2` and so on after a second each, or the failure it is made with.
#[derive(Default)]
struct Mint {
    asked: Arc<AtomicUsize>,
    life: Option<Duration>,
    failure: Option<Failure>,
}

#[async_trait]
impl Source for Mint {
    async fn fetch(&self) -> Result<Fresh, Failure> {
        sleep(Duration::from_secs(1)).await;
        let nth = self.asked.fetch_add(1, Ordering::SeqCst) + 1;
        match &self.failure {
            Some(failure) => Err(failure.clone()),
            None => Ok(Fresh { token: SecretString::from(format!("token-{nth}")), life: self.life }),
        }
    }

    fn name(&self) -> &'static str {
        "mint.example"
    }
}

fn tokens(mint: Mint) -> (Arc<Tokens>, Arc<AtomicUsize>) {
    let asked = Arc::clone(&mint.asked);
    (Arc::new(Tokens { source: Box::new(mint), state: Mutex::default() }), asked)
}

fn living(seconds: u64) -> (Arc<Tokens>, Arc<AtomicUsize>) {
    tokens(Mint { life: Some(Duration::from_secs(seconds)), ..Mint::default() })
}

fn failing(wait: u64) -> (Arc<Tokens>, Arc<AtomicUsize>) {
    let failure = Failure::new("mint.example", Decision::TransportDown, "it is closed");
    tokens(Mint { failure: Some(failure.and_wait(Duration::from_secs(wait))), ..Mint::default() })
}

async fn seen(tokens: &Tokens) -> String {
    tokens.current().await.unwrap().secret.expose_secret().to_owned()
}

#[tokio::test(start_paused = true)]
async fn a_token_is_kept_until_five_minutes_before_its_end() {
    let (tokens, _) = living(3600);
    assert_eq!(seen(&tokens).await, "token-1");
    advance(Duration::from_secs(3600 - 301)).await;
    assert_eq!(seen(&tokens).await, "token-1");
    advance(Duration::from_secs(1)).await;
    assert_eq!(seen(&tokens).await, "token-2");
}

#[tokio::test(start_paused = true)]
async fn a_short_lived_token_is_kept_for_nine_tenths_of_its_life() {
    let (tokens, _) = living(100);
    assert_eq!(seen(&tokens).await, "token-1");
    advance(Duration::from_secs(89)).await;
    assert_eq!(seen(&tokens).await, "token-1");
    advance(Duration::from_secs(1)).await;
    assert_eq!(seen(&tokens).await, "token-2");
}

#[tokio::test(start_paused = true)]
async fn a_token_of_unknown_life_is_kept_for_five_minutes_and_one_of_none_for_one_log_in() {
    let (unknown, _) = tokens(Mint::default());
    assert_eq!(seen(&unknown).await, "token-1");
    advance(Duration::from_secs(299)).await;
    assert_eq!(seen(&unknown).await, "token-1");
    advance(Duration::from_secs(1)).await;
    assert_eq!(seen(&unknown).await, "token-2");
    let (none, _) = living(0);
    assert_eq!((seen(&none).await, seen(&none).await), ("token-1".to_owned(), "token-2".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn everybody_who_waits_shares_one_request() {
    let (tokens, asked) = living(3600);
    let waiting: Vec<_> = (0..8)
        .map(|_| {
            tokio::spawn({
                let tokens = Arc::clone(&tokens);
                async move { seen(&tokens).await }
            })
        })
        .collect();
    for one in waiting {
        assert_eq!(one.await.unwrap(), "token-1");
    }
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn everybody_who_waits_shares_one_failure_and_whoever_comes_later_asks_anew() {
    let (tokens, asked) = failing(0);
    let waiting: Vec<_> = (0..8)
        .map(|_| {
            tokio::spawn({
                let tokens = Arc::clone(&tokens);
                async move { tokens.current().await.unwrap_err().to_string() }
            })
        })
        .collect();
    for one in waiting {
        assert_eq!(one.await.unwrap(), "no access token from mint.example: it is closed");
    }
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    advance(Duration::from_secs(1)).await;
    tokens.current().await.unwrap_err();
    assert_eq!(asked.load(Ordering::SeqCst), 2);
}

#[tokio::test(start_paused = true)]
async fn a_source_that_asks_for_a_pause_is_left_alone() {
    let (tokens, asked) = failing(120);
    tokens.current().await.unwrap_err();
    advance(Duration::from_secs(119)).await;
    let error = tokens.current().await.unwrap_err();
    assert_eq!((asked.load(Ordering::SeqCst), error.decision()), (1, Decision::TransportDown));
    advance(Duration::from_secs(1)).await;
    tokens.current().await.unwrap_err();
    assert_eq!(asked.load(Ordering::SeqCst), 2);
}

#[tokio::test(start_paused = true)]
async fn a_refused_token_is_replaced_once_for_everybody_who_had_it() {
    let (tokens, asked) = living(3600);
    let refused = tokens.current().await.unwrap();
    for _ in 0..4 {
        let newer = tokens.instead_of(&refused).await.unwrap().unwrap();
        assert_eq!(newer.secret.expose_secret(), "token-2");
    }
    assert_eq!(seen(&tokens).await, "token-2");
    assert_eq!(asked.load(Ordering::SeqCst), 2);
}

#[tokio::test(start_paused = true)]
async fn a_replacement_that_is_refused_too_is_not_replaced_for_a_minute() {
    let (tokens, asked) = living(3600);
    let first = tokens.current().await.unwrap();
    let second = tokens.instead_of(&first).await.unwrap().unwrap();
    advance(Duration::from_secs(59)).await;
    assert!(tokens.instead_of(&second).await.unwrap().is_none());
    assert_eq!(asked.load(Ordering::SeqCst), 2);
    advance(Duration::from_secs(1)).await;
    let third = tokens.instead_of(&second).await.unwrap().unwrap();
    assert_eq!(third.secret.expose_secret(), "token-3");
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_given_up_leaves_nobody_waiting() {
    let (tokens, _) = living(3600);
    tokio::time::timeout(Duration::from_millis(500), tokens.current()).await.unwrap_err();
    assert_eq!(seen(&tokens).await, "token-1");
}

#[test]
fn a_token_shows_nothing_of_itself() {
    let token = Token { secret: SecretString::from("ey.hunter2"), number: 1 };
    let fresh = Fresh { token: SecretString::from("ey.hunter2"), life: None };
    assert!(!format!("{token:?} {fresh:?}").contains("hunter2"));
}

#[test]
fn only_visible_ascii_of_a_bearer_token_is_one() {
    for good in ["e", "eyJ0.eyJ1.x-_~+/==", &"x".repeat(LONGEST_TOKEN)] {
        assert!(is_token(good), "{good}");
    }
    for bad in
        ["", "a b", "a\nb", "a\u{1}auth=Bearer b", "é", "{\"access_token\":\"x\"}", &"x".repeat(LONGEST_TOKEN + 1)]
    {
        assert!(!is_token(bad), "{bad}");
    }
}
