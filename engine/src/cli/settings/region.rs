//! The region `auto`: where the machine says that it is. Nobody is asked.

use crate::model::Region;

/// The country of the time zone, else of the locale, and which it was.
pub(super) fn detect_region() -> (Region, String) {
    let zone = iana_time_zone::get_timezone().unwrap_or_default();
    if let Some(region) = country_of_zone(&zone) {
        return (region, format!("the time zone {zone}"));
    }
    // None is as good as POSIX's own.
    let locale = sys_locale::get_locale().unwrap_or_else(|| "C".into());
    match country_of_locale(&locale) {
        Some(region) => (region, format!("the locale {locale}")),
        None => (Region::WORLD, format!("neither the time zone `{zone}` nor the locale `{locale}` names a country")),
    }
}

/// Time zones of the regions that the shipped rules have mirrors in. A zone
/// says where the machine is, a locale only which language its user reads.
fn country_of_zone(zone: &str) -> Option<Region> {
    let country = match zone {
        "Asia/Shanghai" | "Asia/Chongqing" | "Asia/Urumqi" | "Asia/Harbin" | "PRC" => "cn",
        "Asia/Tokyo" | "Japan" => "jp",
        "Asia/Seoul" | "ROK" => "kr",
        "Asia/Taipei" => "tw",
        "Europe/Berlin" | "Europe/Busingen" => "de",
        "Europe/Paris" => "fr",
        "Europe/Zurich" => "ch",
        "Europe/London" => "gb",
        "Europe/Stockholm" => "se",
        _ => return None,
    };
    country.parse().ok()
}

fn country_of_locale(locale: &str) -> Option<Region> {
    let mut parts = locale.split(['-', '_', '.']).skip(1);
    parts.find(|part| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_uppercase()))?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_come_from_zone_and_locale() {
        assert_eq!(country_of_zone("Asia/Shanghai").map(|region| region.to_string()), Some("cn".into()));
        assert_eq!(country_of_locale("de_CH.UTF-8").map(|region| region.to_string()), Some("ch".into()));
        assert_eq!(country_of_locale("zh-Hans-CN").map(|region| region.to_string()), Some("cn".into()));
        assert_eq!(country_of_locale("C"), None);
    }
}
