pub fn verdict_table(r: &super::documents::ResultsDocument, _w: usize, _c: bool) -> String {
    let mut s = String::new();
    for a in &r.answers {
        s += &format!(
            "{} {} {:?} {:?} {:?}\n",
            a.requested.key(),
            a.name,
            a.tier,
            a.effect.as_ref().map(|e| (e.estimate, e.std_error, e.ci_lower, e.ci_upper)),
            a.sensitivity.as_ref().map(|s| (s.rv_q1, s.e_value))
        );
    }
    s
}
