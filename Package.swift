// swift-tools-version: 6.2
import PackageDescription

/// Every Swift target is built in Swift 6 mode with honest imports: what a file uses, it imports.
let strict: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("InternalImportsByDefault"),
]

/// A floor of the house: a target and what it may import. `scripts/check-imports` holds the sources against this table.
func floor(_ name: String, imports: [Target.Dependency]) -> Target {
  .target(name: name, dependencies: imports, swiftSettings: strict)
}

/// The tests of a target; `golden` names folders of numbers that the tests read by path.
func tests(_ name: String, imports: [Target.Dependency], golden: [String] = []) -> Target {
  .testTarget(
    name: name + "Tests", dependencies: [.byName(name: name)] + imports, exclude: golden,
    swiftSettings: strict)
}

let package = Package(
  name: "edgewise",
  products: [.executable(name: "edgewise", targets: ["edgewise"])],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.0"),
    .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
  ],
  targets: [
    // Floor 0: doors to C.
    .systemLibrary(name: "CMPI", pkgConfig: "ompi-c", providers: [.apt(["libopenmpi-dev"])]),
    .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    .systemLibrary(name: "CLanes"),
    .systemLibrary(name: "COneDNN", providers: [.apt(["libdnnl-dev"])]),
    .systemLibrary(
      name: "CTurboJPEG", pkgConfig: "libturbojpeg", providers: [.apt(["libturbojpeg0-dev"])]),
    .systemLibrary(name: "CPNG", providers: [.apt(["libspng-dev"])]),
    .systemLibrary(name: "CPlanes"),
    .systemLibrary(name: "CPeaks"),
    .systemLibrary(name: "CStreaming"),

    // Floor 1
    floor("Texts", imports: []),
    floor("Tensors", imports: []),
    floor("MessagePassing", imports: ["CMPI", "Tensors"]),
    floor("Compression", imports: ["CZstd", "CPlanes"]),
    floor("Images", imports: ["CTurboJPEG", "CPNG"]),

    // Floor 2
    floor("Graphs", imports: ["Tensors"]),
    floor("Quantization", imports: ["Graphs", "Tensors"]),

    // Floor 3
    floor("Engine", imports: ["Graphs", "Quantization", "Tensors", "COneDNN", "CLanes"]),
    floor(
      "Datasets", imports: ["Images", "Tensors", "Texts", .product(name: "Yams", package: "Yams")]),
    floor("Detection", imports: ["Tensors"]),
    floor("WeightFiles", imports: ["Tensors", "CZlib"]),

    // Floor 4
    floor("Models", imports: ["Graphs", "Detection", "Tensors"]),
    floor("Parallel", imports: ["MessagePassing", "Quantization", "Tensors"]),
    floor("Checkpoints", imports: ["Compression", "CStreaming", "Tensors", "Texts"]),

    // Floor 5
    floor(
      "Training",
      imports: [
        "Tensors", "MessagePassing", "Compression", "Images", "Graphs", "Quantization", "Engine",
        "Datasets", "Detection", "Models", "Parallel", "Checkpoints",
      ]),
    floor(
      "Exporting",
      imports: [
        "Graphs", "Quantization", "Tensors",
        .product(name: "SwiftProtobuf", package: "swift-protobuf"),
      ]),
    floor("Reporting", imports: ["Tensors", "Texts"]),
    floor(
      "Benchmarks",
      imports: [
        "CPeaks", "Tensors", "MessagePassing", "Compression", "Images", "Graphs", "Engine",
        "Datasets", "Detection", "Parallel", "Checkpoints", "Training", "Reporting",
      ]),

    // Floor 6
    .executableTarget(
      name: "edgewise",
      dependencies: [
        "Tensors", "MessagePassing", "Compression", "Images", "Graphs", "Quantization", "Engine",
        "Datasets", "Detection", "Models", "Parallel", "Checkpoints", "Training", "Exporting",
        "Reporting", "WeightFiles", "Benchmarks", "Texts",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: strict),

    tests("Texts", imports: []),
    tests("Tensors", imports: []),
    tests("MessagePassing", imports: ["Tensors"]),
    tests("Compression", imports: []),
    tests("Images", imports: []),
    tests("Graphs", imports: ["Tensors"]),
    tests("Quantization", imports: ["Graphs", "Tensors"]),
    tests(
      "Engine", imports: ["Graphs", "Quantization", "Tensors", "Models", "Detection"],
      golden: ["Goldens"]),
    tests("Datasets", imports: ["Images", "Tensors"]),
    tests("Detection", imports: ["Tensors"], golden: ["Goldens"]),
    tests("WeightFiles", imports: ["Tensors"], golden: ["Fixtures"]),
    tests("Models", imports: ["Graphs", "Tensors"]),
    tests("Parallel", imports: ["MessagePassing", "Quantization", "Tensors"]),
    tests("Checkpoints", imports: ["Compression", "Tensors"]),
    tests(
      "Training",
      imports: [
        "Tensors", "Graphs", "Quantization", "Engine", "Datasets", "Detection", "Models",
        "Checkpoints", "MessagePassing",
      ], golden: ["Goldens"]),
    tests("Exporting", imports: ["Engine", "Graphs", "Quantization", "Models", "Tensors"]),
    tests("Reporting", imports: []),
    tests(
      "Benchmarks",
      imports: [
        "Checkpoints", "Datasets", "Engine", "Graphs", "Images", "MessagePassing", "Tensors",
        "Training",
      ]),

    // What users start: the program itself, alone and under mpirun.
    .testTarget(
      name: "CommandTests", dependencies: ["edgewise", "Checkpoints", "Tensors"],
      swiftSettings: strict),
    .testTarget(
      name: "InvariantTests", dependencies: ["edgewise", "Checkpoints", "Tensors"],
      swiftSettings: strict),
  ]
)
