pub struct NotebookInput<'a> {
    pub results: &'a super::documents::ResultsDocument,
    pub plan: &'a crate::plan::Plan,
    pub outputs: &'a [(String, String)],
}
pub fn render(_v: &NotebookInput) -> Result<Vec<u8>, super::ReportError> {
    Ok(vec![])
}
