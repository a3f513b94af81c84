//! Lists, names, proxies, cookie files and the screen.
