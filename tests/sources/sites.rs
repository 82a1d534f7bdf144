//! Lists of sites: the Organisation Data Service and the DSPT list.
use lapsewatch::domain::snapshot::SiteRow;

use super::*;

fn sites(records: Vec<Record>) -> Vec<SiteRow> {
    let site = |record| match record {
        Record::Site(row) => Some(*row),
        Record::Subject(_) | Record::Contact(_) | Record::Member(_) => None,
    };
    records.into_iter().filter_map(site).collect()
}

#[test]
fn a_report_of_sites_has_no_header_and_its_name_says_the_sector() {
    let export = fixture("epharmacyhq.csv");
    assert_eq!((export.source(), export.as_of()), (Source::OdsReport, None));
    assert_eq!((export.summary().rows, export.summary().ignored_columns.len()), (5, 0));
    let (records, rejected) = split(&export);
    let [first, second] = &sites(records)[..] else { panic!("two rows") };
    assert_eq!((first.line, first.ods.as_str(), first.name.as_deref()), (1, "F0001", Some("NORTHTOWN PHARMACY")));
    assert_eq!((first.town.as_deref(), first.sector.as_deref()), (Some("NORTHTOWN"), Some("pharmacy")));
    assert_eq!(first.parent.as_ref().map(OdsCode::as_str), Some("P0X1"));
    assert_eq!((first.opened_on, first.closed_on), (day(2015, 4, 1), None));
    assert_eq!((second.opened_on, second.closed_on), (None, day(2026, 9, 30)), "before NHSmail is as good as always");
    assert_eq!(
        told(&rejected),
        [
            "line 3, Code: \"F 2!\" is no site code: up to 9 letters and digits",
            "line 4, Open Date: \"20151399\" is no date",
            "line 5: the row has 26 cells, the header has 27; put what holds a delimiter or a line end in quotes"
        ]
    );
}

#[test]
fn the_same_report_under_another_name_is_of_no_sector() {
    let bytes = fs::read(Path::new(FIXTURES).join("epharmacyhq.csv")).expect("there");
    let Opened { export, _folder } = opened("sites.csv", &bytes).expect("read");
    assert_eq!(sites(split(&export).0).iter().map(|row| row.sector.as_deref()).collect::<Vec<_>>(), [None, None]);
}

#[test]
fn twenty_seven_unknown_headers_are_no_report_of_sites() {
    let header = (1..=27).map(|at| format!("C{at}")).collect::<Vec<_>>().join(",");
    assert!(matches!(refused(format!("{header}\n").as_bytes()), ReadError::UnknownHeader { .. }));
}

#[test]
fn the_dspt_list_says_what_a_sites_assessment_came_to() {
    let export = fixture("dspt.csv");
    assert_eq!((export.source(), export.as_of()), (Source::Dspt, None));
    let (records, rejected) = split(&export);
    let [met, none] = &sites(records)[..] else { panic!("two rows") };
    assert_eq!((met.ods.as_str(), met.dspt_status.as_deref()), ("F0001", Some("Standards Met")));
    assert_eq!((met.dspt_published_on, none.dspt_published_on), (day(2026, 6, 30), None));
    assert_eq!(
        told(&rejected),
        ["line 4, ods_code: the row has no site code", "line 5, published_on: \"midsummer\" is no date"]
    );
}
