//! Enums whose values have keys.

/// Declares an enum whose values have keys: each key is written once, and serves serde, `key` and `parse`.
#[macro_export]
macro_rules! keyed_enum {
    ($(#[$meta:meta])* pub enum $name:ident { $($(#[$of_value:meta])* $value:ident = $key:literal,)+ }) => {
        $(#[$meta])*
        #[derive(serde::Serialize, serde::Deserialize)]
        pub enum $name {
            $($(#[$of_value])* #[serde(rename = $key)] $value,)+
        }

        impl $name {
            /// The key used in files, messages and on the command line.
            #[must_use]
            pub fn key(self) -> &'static str {
                match self {
                    $($name::$value => $key,)+
                }
            }

            /// The value of a key; space around it does not matter.
            #[must_use]
            pub fn parse(text: &str) -> Option<$name> {
                match text.trim() {
                    $($key => Some($name::$value),)+
                    _ => None,
                }
            }
        }
    };
}
