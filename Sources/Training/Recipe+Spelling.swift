/// The number of letters to insert, delete or replace to turn one spelling into the other.
///
/// *Source:* Levenshtein's distance by Wagner and Fischer's table, one row at a time.
func editDistance(_ a: String, _ b: String) -> Int {
  let (a, b) = (Array(a.utf8), Array(b.utf8))
  var row = Array(0...b.count)
  for i in 0..<a.count {
    var diagonal = row[0]
    row[0] = i + 1
    for j in 0..<b.count {
      let replaced = diagonal + (a[i] == b[j] ? 0 : 1)
      diagonal = row[j + 1]
      row[j + 1] = min(replaced, row[j] + 1, row[j + 1] + 1)
    }
  }
  return row[b.count]
}

/// The known key or section nearest to a misspelled one, or `nil` where nothing is alike.
///
/// A key may be wrong in its letters, in its style (`learning_rate`) or in its section: of the
/// dotted spelling and the last word alone, the nearer counts (the word alone one worse).
func nearestKey(to key: String) -> String? {
  let sections = Recipe.fields.flatMap { field -> [String] in
    let words = field.key.split(separator: ".")
    return (1..<max(words.count, 1)).map { words[..<$0].joined(separator: ".") }
  }
  let wanted = plain(key)
  let wantedWord = plain(lastWord(key))
  var best: (distance: Int, key: String)?
  for candidate in Recipe.fields.map(\.key) + sections {
    let whole = editDistance(wanted, plain(candidate))
    let word = editDistance(wantedWord, plain(lastWord(candidate)))
    // A third of the word may be wrong, or two letters.
    let allowed = max(2, wantedWord.count / 3)
    let distance = min(whole, word <= allowed ? word + 1 : .max)
    if distance <= allowed + 1, distance < best?.distance ?? .max { best = (distance, candidate) }
  }
  return best?.key
}

/// The keys and sections beside `key`, or of the top where its section is unknown too.
func knownKeys(near key: String) -> [String] {
  func children(of prefix: String) -> [String] {
    var names: [String] = []
    for field in Recipe.fields where field.key.hasPrefix(prefix) {
      let name = prefix + field.key.dropFirst(prefix.count).prefix { $0 != "." }
      if names.last != name { names.append(name) }
    }
    return names
  }
  let words = key.split(separator: ".")
  let beside = words.count > 1 ? children(of: words.dropLast().joined(separator: ".") + ".") : []
  return beside.isEmpty ? children(of: "") : beside
}

private func lastWord(_ key: String) -> String {
  String(key.split(separator: ".").last ?? "")
}

/// Lower case without separators inside words, so that style does not count.
private func plain(_ key: String) -> String {
  key.lowercased().filter { $0 != "_" && $0 != "-" }
}
