pub struct ReportView<'a> {
    pub results: &'a super::documents::ResultsDocument,
    pub plan: &'a crate::plan::Plan,
    pub designs: &'a [&'a super::documents::DesignDocument],
}
