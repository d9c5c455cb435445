/// Reads the blocks of a frame as far as needed to see what they refer to.
package enum FrameBlocks {
  /// Whether none of these whole blocks copies bytes from before: compressed ones have literals and no
  /// sequences. *Source:* RFC 8878, 3.1.1.2 and 3.1.1.3.
  package static func copyNothing(_ blocks: Slice<UnsafeMutableRawBufferPointer>) -> Bool {
    var place = blocks.startIndex
    func number(_ offset: Int, _ byteCount: Int) -> Int {
      (0..<min(byteCount, blocks.endIndex - offset)).reduce(0) {
        $0 | Int(blocks[offset + $1]) << (8 * $1)
      }
    }
    while place < blocks.endIndex {
      let header = number(place, 3)
      let (kind, length) = (header >> 1 & 3, header >> 3)
      let content = place + 3
      if kind == 2 {
        let sequences = content + literalsByteCount(number(content, 5))
        guard sequences < content + length, blocks[sequences] == 0 else { return false }
      }
      // A block of one repeated byte holds that byte.
      place = content + (kind == 1 ? 1 : length)
    }
    return true
  }

  /// The length of a literals section that begins with these five bytes, its header included.
  private static func literalsByteCount(_ head: Int) -> Int {
    let (kind, format) = (head & 3, head >> 2 & 3)
    guard kind >= 2 else {
      // Stored as they are, or one byte repeated.
      let (header, size) =
        switch format {
        case 1: (2, head >> 4 & 0xFFF)
        case 3: (3, head >> 4 & 0xF_FFFF)
        default: (1, head >> 3 & 0x1F)
        }
      return header + (kind == 0 ? size : 1)
    }
    return switch format {
    case 2: 4 + (head >> 18 & 0x3FFF)
    case 3: 5 + (head >> 22 & 0x3_FFFF)
    default: 3 + (head >> 14 & 0x3FF)
    }
  }
}
