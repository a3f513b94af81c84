//! The cache's part in a download: what it answers before the network is
//! asked, and what it keeps afterwards.
//!
//! The cache saves work and nothing depends on it: whatever fails here is a
//! warning, and the download goes on without it.

use std::io::Read as _;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use http::HeaderMap;
use tokio_util::sync::CancellationToken;

use super::existing::settle_locally;
use super::place::{Naming, Place, remembered};
use super::receipt::{Proof, Receipt, Verified};
use super::remote_time::file_time;
use super::{DigestRule, DownloadError, Engine, Event, Job, NetworkUse, Observer, Output, blocking, place};
use crate::model::http::Validators;
use crate::model::{Algorithm, Digest, DisplayUrl};
use crate::net::{Body, Get, Precondition, Wanted, shown_wait};
use crate::plan::freshness::{Freshness, StoredResponse};
use crate::store::cache::{Blob, Cache, CacheError, Entry, Hit, LockWait, UrlLock};
use crate::store::{Download, IfExists, Keep, Part, StoreError, Target, hash_file};

/// What the cache knows, when it may be used.
struct Usable {
    blob: Blob,
    by: Proof,
    headers: HeaderMap,
    validators: Validators,
}

/// A download's view of the cache.
pub(super) struct Cached<'a> {
    pub engine: &'a Engine,
    pub cache: &'a Cache,
    pub observer: &'a dyn Observer,
    pub cancel: &'a CancellationToken,
}

impl Cached<'_> {
    /// Waits while another process fetches the same URL, so that it is fetched
    /// once. The right to fetch lasts as long as the returned lock.
    pub(super) async fn single_flight(&self, job: &Job) -> Option<UrlLock> {
        if let Some(lock) = self.try_lock(job, Duration::ZERO).await {
            return Some(lock);
        }
        let max_wait = self.engine.net.options().max_wait;
        let (cache, url) = (self.cache.clone(), job.url.clone());
        let holder = blocking(move || cache.holder(&url)).await;
        let holder = holder.map_or_else(|| "another process".to_owned(), |process| format!("process {process}"));
        let (shown, most) = (DisplayUrl(&job.url), shown_wait(max_wait));
        let message = format!("{holder} is downloading {shown}; waiting for it, at most {most} (--max-wait)");
        self.observer.event(&Event::warning(message));
        let lock = self.try_lock(job, max_wait).await;
        if lock.is_none() && !self.cancel.is_cancelled() {
            let message = format!("{holder} is still downloading {shown} after {most}; downloading it as well");
            self.observer.event(&Event::warning(message));
        }
        lock
    }

    async fn try_lock(&self, job: &Job, at_most: Duration) -> Option<UrlLock> {
        let (cache, url, cancel) = (self.cache.clone(), job.url.clone(), self.cancel.clone());
        let locked = blocking(move || cache.lock(&url, LockWait { at_most, cancelled: &|| cancel.is_cancelled() }));
        self.survive(locked.await).flatten()
    }

    /// Delivers the file from the cache, when it is there and may be used.
    pub(super) async fn deliver(&self, job: &mut Job, place: &Place) -> Result<Option<Receipt>, DownloadError> {
        let Some(usable) = self.find(job).await else { return Ok(None) };
        let Usable { blob, by, headers, validators } = usable;
        let (size, sha256) = (blob.size(), blob.digest().clone());
        if job.size.is_some_and(|promised| promised != size) {
            return Ok(None);
        }
        // `--require-checksum` asks for more than what another download was
        // content with: its user's digests are not this user's.
        if job.digest_rule == DigestRule::Required && job.digests.is_empty() && !by.is_origins_digest() {
            return Ok(None);
        }
        let naming = Naming { headers: Some(&headers), answered: &job.url };
        let target = place.settled(&naming, &job.url)?;
        if let Some(target) = target.as_ref().filter(|target| target.exists()) {
            if let Some(receipt) = settle_locally((self.engine, self.observer), job, target).await? {
                return Ok(Some(receipt));
            }
            // What stands there is judged against the origin, not the cache.
            if job.if_exists != IfExists::Overwrite {
                return Ok(None);
            }
        }
        let by = job.digests.first().map_or(by, |promised| promised.by);
        let delivered = match &target {
            Some(target) => {
                let download = Download { validators, ..place::finished(job, size, sha256.clone(), by) };
                self.to_file(blob, target, job, download).await?
            }
            None => self.to_stream(blob, job).await?,
        };
        if !delivered {
            return Ok(None);
        }
        let stated = job.digests.first();
        let verified = Verified { by, digest: stated.map(|promised| promised.digest.to_string()), sampled_bytes: 0 };
        let mut receipt = Receipt::untransferred(DisplayUrl(&job.url).to_string(), size, Some(sha256.hex()), verified);
        receipt.file = target.map(|target| target.name().to_owned());
        receipt.from_cache = true;
        Ok(Some(receipt))
    }

    async fn find(&self, job: &Job) -> Option<Usable> {
        let wanted = job.digests.iter().find(|promised| promised.digest.algorithm() == Algorithm::Sha256);
        if let Some(promised) = wanted {
            let (cache, digest) = (self.cache.clone(), promised.digest.clone());
            let found = self.survive(blocking(move || cache.by_digest(&digest)).await).flatten()?;
            return Some(Usable {
                blob: found,
                by: promised.by,
                headers: HeaderMap::new(),
                validators: Validators::default(),
            });
        }
        // To this user the origin may answer something else.
        if !job.headers.is_empty() || self.engine.introduces_user(job) {
            return None;
        }
        let (cache, url) = (self.cache.clone(), job.url.clone());
        let hit = self.survive(blocking(move || cache.lookup(&url)).await).flatten()?;
        let freshness = hit.entry.response.freshness(&job.headers, SystemTime::now());
        let offline = self.engine.options.network == NetworkUse::Offline;
        let current = match freshness {
            _ if offline => true,
            Freshness::Fresh => true,
            Freshness::Revalidate { headers } => self.revalidate(job, &hit, headers).await,
            Freshness::Unusable => false,
        };
        current.then(|| Usable {
            by: Proof::from_name(&hit.entry.proof),
            headers: hit.entry.response.headers(),
            validators: hit.entry.response.validators(),
            blob: hit.blob,
        })
    }

    /// Asks the origin whether the stored file is still its own.
    async fn revalidate(&self, job: &Job, hit: &Hit, condition: HeaderMap) -> bool {
        let scoped = job.scoped();
        let get = Get {
            precondition: Precondition::Changed(condition),
            scoped: Some(&scoped),
            ..Get::new(&job.url, job.trust, Wanted::Everything)
        };
        // Whatever else the origin answers is for the download itself to read.
        let Ok(answer) = self.engine.net.get(get).await else { return false };
        if answer.body() != Body::NotModified {
            return false;
        }
        let Some(response) = hit.entry.response.renewed(answer.headers(), SystemTime::now()) else { return false };
        let (cache, entry) = (self.cache.clone(), Entry { response, ..hit.entry.clone() });
        self.survive(blocking(move || cache.remember(entry)).await);
        true
    }

    /// Copies the blob to the target. Gives false when it is not what was promised.
    async fn to_file(&self, blob: Blob, target: &Target, job: &Job, download: Download) -> Result<bool, DownloadError> {
        let (cache, path, digest) = (self.cache.clone(), target.part(), blob.digest().clone());
        drop(Part::open(&path, Keep::Everything)?);
        target.discard_unfinished();
        let destination = path.clone();
        let copied = blocking(move || cache.copy_out(blob, &destination)).await;
        if self.survive(copied).is_none() {
            return Ok(false);
        }
        let (stated, target_copy, history) = (job.digests.clone(), target.clone(), self.engine.history.clone());
        let at = file_time(self.engine, self.observer, &download.validators);
        let held = blocking(move || {
            let algorithms = stated.iter().map(|promised| promised.digest.algorithm());
            let found = hash_file(&path, algorithms)?;
            if !found.contains(&digest) || !stated.iter().all(|promised| found.contains(&promised.digest)) {
                target_copy.discard_unfinished();
                return Ok(None);
            }
            let part = Part::open(&path, Keep::Everything)?;
            at.map_or(Ok(()), |at| part.set_modified(at))?;
            let recorded = history.record(target_copy.name(), &path, download);
            part.commit(target_copy.name())?;
            Ok::<_, StoreError>(Some(recorded.and_then(place::seal)))
        });
        let Some(recorded) = held.await? else { return Ok(false) };
        remembered(self.observer, recorded);
        Ok(true)
    }

    async fn to_stream(&self, blob: Blob, job: &mut Job) -> Result<bool, DownloadError> {
        let Output::Stream(stream) = &mut job.output else { return Ok(false) };
        let mut stream = std::mem::replace(stream, Box::new(std::io::sink()));
        let expected = blob.digest().clone();
        let copied = blocking(move || {
            let (mut file, mut hashes) = (blob.into_file(), crate::store::Hashes::default());
            let mut buffer = vec![0; 256 * 1024];
            loop {
                let count = file.read(&mut buffer).map_err(StoreError::Output)?;
                if count == 0 {
                    stream.flush().map_err(StoreError::stream)?;
                    return Ok::<_, StoreError>(hashes.finish().swap_remove(0));
                }
                hashes.update(&buffer[..count]);
                stream.write_all(&buffer[..count]).map_err(StoreError::stream)?;
            }
        });
        let got: Digest = copied.await?;
        if got != expected {
            return Err(DownloadError::Mismatch { by: "cache", expected, got });
        }
        Ok(true)
    }

    /// Turns a failure of the cache into a warning.
    fn survive<T>(&self, result: Result<T, CacheError>) -> Option<T> {
        result.map_err(|error| self.observer.event(&Event::warning(format!("the cache is of no help: {error}")))).ok()
    }
}

/// What the cache is to keep of a finished download.
pub(super) struct Keepsake {
    pub cache: Cache,
    pub file: PathBuf,
    pub entry: Entry,
}

impl Keepsake {
    /// Puts the file into the cache. Blocks.
    pub(super) fn keep(self) -> Result<(), CacheError> {
        self.cache.insert(&self.file, &self.entry.digest)?;
        self.cache.remember(self.entry)
    }
}

/// What decides whether the cache may keep an answer; none when it may not.
pub(super) fn storable(job_headers: &HeaderMap, answer: &HeaderMap) -> Option<StoredResponse> {
    StoredResponse::new(job_headers, answer, SystemTime::now())
}
