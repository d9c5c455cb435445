import Datasets
import Foundation
import Testing

/// Key points have as many columns as polygons have; they must not be taken for them.
@Suite struct PoseLabelTests {
  private func read(_ rows: [String], yaml: String = "") throws -> Dataset {
    let folder = try TemporaryFolder()
    for (i, row) in rows.enumerated() {
      try folder.writeGray("images/train/\(i).png", 64, 48)
      try folder.write(row, as: "labels/train/\(i).txt")
    }
    try folder.write(yaml + "names: [a]\ntrain: images/train\n", as: "data.yaml")
    return try DataSource(format: .yolo, root: folder.url.path).read(.train)
  }

  @Test(arguments: [
    [
      "0 0.5 0.5 0.2 0.2 0.41 0.41 2 0.6 0.6 1 0 0 0 0.5 0.5 2",
      "0 0.3 0.3 0.2 0.4 0 0 0 0 0 0 0 0 0 0 0 0",
    ],
    ["0 0.5 0.5 0.2 0.2 0.4 0.4 0.6 0.6 0.5 0.45 0.44 0.52 0.5 0.5"],
    ["0 0.5 0.5 0.2 0.2 0.4 0.4 0.6 0.6", "0 0.2 0.2 0.2 0.2 0.1 0.25 0.3 0.1"],
  ])
  func `Rows whose first columns box the rest are poses`(rows: [String]) throws {
    #expect { try read(rows) } throws: {
      "\($0)".contains("pose labels") && "\($0)".contains("labels/train/0.txt:1")
    }
    // A single plain box among them, and they are polygons.
    #expect(try read(rows + ["0 0.5 0.5 0.1 0.1"]).report.polygonRows == rows.count)
  }

  @Test func `Points of three values in an even number of columns are named too`() throws {
    #expect { try read(["0 0.5 0.5 0.2 0.2 0.5 0.5 2"]) } throws: {
      "\($0)".contains("8 columns") && "\($0)".contains("pose labels")
    }
  }

  @Test func `kpt_shape is refused by name`() throws {
    #expect { try read(["0 0.5 0.5 0.2 0.2"], yaml: "kpt_shape: [17, 3]\n") } throws: {
      "\($0)".contains("kpt_shape") && "\($0)".contains("data.yaml:1")
    }
  }

  @Test(arguments: [
    // A small polygon, a rotated box, a triangle, and the whole image: boxed by chance.
    "0 0.5 0.5 0.52 0.5 0.52 0.52 0.5 0.52", "0 0.3 0.25 0.35 0.3 0.3 0.35 0.25 0.3",
    "0 0.5 0.5 0.6 0.5 0.5 0.6", "0 0 0 1 0 1 1 0 1",
  ])
  func `Polygons are polygons`(row: String) throws {
    let dataset = try read([row])
    #expect(dataset.report.polygonRows == 1 && dataset.report.boxRows == 0)
  }
}
