import Foundation

/// The first of the program's arguments that is not UTF-8, as Swift would show it; `nil` where all are.
///
/// Swift puts `U+FFFD` for what it cannot read, so that two paths became one: a run would be written to
/// a folder that nobody named.
func firstUnreadableArgument() -> String? {
  guard let bytes = FileManager.default.contents(atPath: "/proc/self/cmdline") else { return nil }
  for argument in bytes.split(separator: 0)
  where String(validating: argument, as: UTF8.self) == nil {
    return String(decoding: argument, as: UTF8.self)
  }
  return nil
}
