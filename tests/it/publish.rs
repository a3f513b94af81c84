//! `publish`: what reaches the other side, and what stays behind of it.

mod audit;
mod deliver_files;
mod deliver_git;
mod deliver_github;
mod deliver_kill;
mod deliver_packages;
mod delivery;
mod destinations;
#[cfg(unix)]
mod github_contract;
mod joined;
mod joined_kill;
#[cfg(unix)]
mod joined_real;
mod status;
mod world;
