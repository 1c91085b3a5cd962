//! Every rule has a page in the book, and every page has a rule.

use std::path::Path;

use ez_compiler::rule::RULES;

#[test]
fn every_rule_has_a_page_and_stands_in_the_index() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/rules");
    let index = std::fs::read_to_string(folder.join("README.md")).unwrap();
    for rule in RULES {
        let id = rule.code.id;
        let page = std::fs::read_to_string(folder.join(format!("{id}.md"))).unwrap_or_default();
        assert!(
            page.starts_with(&format!("# {id} {}\n", rule.code.name)),
            "docs/rules/{id}.md lacks its title"
        );
        assert!(
            page.contains("## Why") && page.matches("```").count() >= 4,
            "docs/rules/{id}.md lacks a part"
        );
        let row = index.lines().find(|line| line.contains(&format!("({id}.md)"))).unwrap_or_default();
        assert!(row.contains(rule.code.name) && row.contains(rule.summary), "the index has no row for {id}");
    }
    let pages = std::fs::read_dir(&folder).unwrap().count();
    assert_eq!(pages, RULES.len() + 1, "a page without a rule");
}
