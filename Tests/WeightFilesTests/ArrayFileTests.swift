import Tensors
import Testing
import WeightFiles

@Suite struct SafetensorsFileTests {
  private func file(_ header: String, _ data: [UInt8]) -> [UInt8] {
    (0..<8).map { UInt8(truncatingIfNeeded: header.utf8.count >> (8 * $0)) } + header.utf8 + data
  }

  @Test func `every type of number is read`() throws {
    let file = try Fixture.open("types.safetensors")
    #expect(file.format == .safetensors && file.tensors.count == 12)
    #expect(file.facts.classNames == ["person", "car"])
    for (k, name) in ["F64", "F32", "F16", "BF16", "F8_E4M3", "F8_E5M2"].enumerated() {
      #expect(try file.read("of.\(name)").floats == Fixture.numbers(k, count: 6), "\(name)")
    }
    for (k, name) in ["I64", "I32", "I16", "I8"].enumerated() {
      #expect(
        try file.read("of.\(name)").floats == Fixture.numbers(6 + k, count: 6).map { 8 * $0 })
    }
    #expect(try file.read("of.U8").floats == Fixture.numbers(10, count: 6).map { abs(8 * $0) })
    #expect(try file.read("of.BOOL").floats == Fixture.numbers(11, count: 6).map { $0 > 0 ? 1 : 0 })
  }

  @Test func `a header that does not describe the bytes is refused`() {
    let four = #"{"dtype":"F32","shape":[1],"data_offsets":[0,4]}"#
    let cases = [
      (#"{"a":\#(four),"a":\#(four)}"#, "twice"),
      (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#, "has 4 bytes"),
      (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,8]}}"#, "needs 8 bytes"),
      (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}"#, "not fully described"),
      (#"{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}"#, "extents"),
      (#"{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,4]}}"#, "limit"),
      (#"{"a":{"dtype":"F32","shape":[0,4611686018427387904,4],"data_offsets":[0,0]}}"#, "limit"),
      (#"{"a":\#(four),"b":\#(four)}"#, "starts at byte 0"),
      (#"{}"#, "4 bytes of data"),
      (String(repeating: #"{"a":"#, count: 100), "levels"),
      (#"{"a":"#, "end too early"),
      (#"{"a":{"dtype":"F4","shape":[1],"data_offsets":[0,4]}}"#, "stored as \"F4\""),
    ]
    for (header, sentence) in cases {
      let found = refusal(file(header, [0, 0, 0, 0]))
      #expect(found?.contains(sentence) == true, "\(header): \(found ?? "read")")
    }
  }

  @Test func `NaN and infinity are counted when asked for`() throws {
    let header = #"{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,12]}}"#
    let bits: [UInt8] = [0, 0, 0x80, 0x7F, 0, 0, 0xC0, 0x7F, 0, 0, 0, 0]
    let whole = try WeightFile(file(header, bits), path: "FILE")
    let found = try whole.nonFiniteTensors()
    #expect(found.count == 1 && found[0].name == "a" && found[0].count == 2)
  }
}

@Suite struct NumpyFileTests {
  @Test(arguments: ["stored.npz", "deflated.npz"])
  func `arrays come row by row, whatever their order in the file`(_ name: String) throws {
    let file = try Fixture.open(name)
    #expect(file.format == .numpy)
    #expect(file.tensors.map(\.name) == ["big", "fortran", "half", "plain", "text", "whole"])
    #expect(try file.read("plain").floats == Fixture.numbers(1, count: 6))
    #expect(try file.read("half").floats == Fixture.numbers(2, count: 4))
    #expect(try file.read("fortran").shape == [2, 3, 4])
    #expect(try file.read("fortran").floats == Fixture.numbers(3, count: 24))
    #expect(try file.read("big").floats == Fixture.numbers(4, count: 5))
    #expect(try file.read("whole").floats == [0, 1, 2, 3])
    #expect(throws: WeightFileError.self) { try file.read("text") }
  }

  @Test func `all versions of the header are read, objects are refused`() throws {
    let file = try Fixture.open("versions.npz")
    for version in 1...3 {
      #expect(try file.read("v\(version)").floats == Fixture.numbers(version, count: 4))
    }
    #expect(try #require(try refusal("objects.npz")).contains("Python objects"))
  }
}
