// Says where else the files of one host are.
//
// Which URLs the rule is asked about stands in component.toml; where their
// copies are, here.

// Who keeps copies.
const COPIES = [{ host: "mirror.example", weight: 80 }];

// The places that have the bytes of a URL, best first. What is thrown is the
// answer when there are none: { tag: "not-mine" }, or "refused", "invalid" or
// "other" with a text for the user as `val`. An Error is a fault of the rule.
export function mapUrl(url, region) {
  const { protocol, hostname, pathname, search } = new URL(url);
  if (hostname !== "downloads.example") {
    throw { tag: "not-mine" };
  }
  if (pathname.endsWith("/") || search) {
    throw { tag: "refused", val: "this is a folder; ask for a file in it" };
  }
  // Also: region, kind ("mirror", "cdn", "proxy") and promise ("same-bytes",
  // "may-differ"). Who asked for http gets http.
  return COPIES.map(({ host, weight }) => ({ url: `${protocol}//${host}${pathname}`, weight }));
}
