import Images

extension Dataset {
  /// 16 hexadecimal digits that say which data this is: FNV-1a over class names, and in their order the
  /// pictures' file names, sizes and boxes.
  ///
  /// Folders do not count, so the same data elsewhere has the same; nor do pixels, which would all have
  /// to be read.
  public var fingerprint: String {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    func add(_ bytes: some Sequence<UInt8>) {
      for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
      // An end, so that what follows is not taken for more of it.
      hash = (hash ^ 0xff) &* 0x0000_0100_0000_01b3
    }
    func add(_ number: UInt32) {
      add((0..<4).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) })
    }
    for name in classNames { add(name.utf8) }
    for sample in samples {
      add(sample.imagePath.utf8.split(separator: UInt8(ascii: "/")).last ?? [])
      if let size = sample.size {
        add(UInt32(truncatingIfNeeded: size.width))
        add(UInt32(truncatingIfNeeded: size.height))
      }
      add(UInt32(sample.boxes.count))
      for box in sample.boxes {
        add(UInt32(truncatingIfNeeded: box.classIndex))
        for i in 0..<4 { add(box.corners[i].bitPattern) }
      }
    }
    let digits = String(hash, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}
