//! The tool registry for any agent host that speaks MCP.
