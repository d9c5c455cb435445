import Images

extension Dataset {
  /// What of this data decides the bits of a run, sample by sample.
  ///
  /// Folders do not count, so the same data elsewhere has the same facts.
  ///
  /// - Parameter readingContents: also reads each image's bytes (`ImageFile.contentHash`), so that
  ///   other pixels under the same name and size are noticed.
  /// - Throws: `badPicture` for an image whose bytes cannot be read.
  public func facts(readingContents: Bool = true) throws(DataError) -> DatasetFacts {
    var entries: [DatasetFacts.Sample] = []
    entries.reserveCapacity(samples.count)
    // bounded: a count is not negative, and corners has four elements
    for sample in samples {
      var labels = FNV1a()
      for boxes in [sample.boxes, sample.ignoredBoxes] {
        labels.add(UInt64(boxes.count))
        for box in boxes {
          labels.add(UInt64(truncatingIfNeeded: box.classIndex))
          for i in 0..<4 { labels.add(UInt64(box.corners[i].bitPattern)) }
        }
      }
      var content = FNV1a()
      content.add(UInt64(truncatingIfNeeded: sample.size?.width ?? -1))
      content.add(UInt64(truncatingIfNeeded: sample.size?.height ?? -1))
      if readingContents {
        do throws(ImageError) { content.add(try ImageFile.contentHash(sample.imagePath)) } catch {
          throw .badPicture(error)
        }
      }
      let name = sample.imagePath.utf8.split(separator: UInt8(ascii: "/")).last.map {
        String(decoding: $0, as: UTF8.self)
      }
      entries.append(
        .init(
          name: name ?? "", boxCount: sample.boxes.count, labelHash: labels.value,
          contentHash: content.value))
    }
    return DatasetFacts(
      classNames: classNames, samples: entries, leftOut: skipped.filter { $0.kind == .skipped })
  }
}

/// FNV-1a over bytes, with an end behind each item, so that what follows is not taken for more of it.
struct FNV1a {
  private(set) var value: UInt64 = 0xcbf2_9ce4_8422_2325

  mutating func add(_ bytes: some Sequence<UInt8>) {
    // bounded: 8 bits in 64
    for byte in bytes { value = (value ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
    value = (value ^ 0xff) &* 0x0000_0100_0000_01b3
  }

  mutating func add(_ number: UInt64) {
    add((0..<8).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) })
  }
}
