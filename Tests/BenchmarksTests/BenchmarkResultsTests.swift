import Benchmarks
import Testing

@Suite struct BenchmarkResultsTests {
  static let text = """
    {"bench":"step","model":"yolov8n","size":320,"batch":8,"mode":"float","world":1,"images_per_s":20,"peak_MiB":400}
    {"bench":"step","model":"yolov8n","size":320,"batch":8,"mode":"qat","world":1,"images_per_s":30,"peak_MiB":300}

    {"bench":"step","model":"yolov8s","size":320,"batch":8,"mode":"qat","world":1,"images_per_s":5,"peak_MiB":900}
    {"bench":"ops","model":"yolov8n","size":320,"batch":8,"mode":"qat","floor_over_step":0.7}
    {"bench":"infer","model":"yolov8n","size":320,"batch":1,"mode":"float","median_ms":10}
    {"bench":"infer","model":"yolov8n","size":320,"batch":1,"mode":"int8","median_ms":4}
    {"bench":"load","throughputs":[{"mosaic":true,"cached":false,"images_per_s_per_thread":50},{"mosaic":true,"cached":true,"images_per_s_per_thread":500}]}
    {"bench":"reduce","world":2,"sizes":[{"bytes":1000,"ratio":3},{"bytes":12600000,"ratio":1.1}]}
    {"bench":"scaling","model":"yolov8n","size":320,"batch":8,"mode":"qat","measured":[{"ranks":1,"efficiency":1},{"ranks":2,"efficiency":0.96}]}
    {"bench":"checkpoint","ratio":1.2,"blocked_ms":12,"memcpy_ms":10}
    {"peer":"torch 2","mode":"fp32","size":320,"batch":8,"world":1,"images_per_s":16,"peak_MiB":1200}
    {"peer":"torch 2","mode":"qat","size":320,"batch":8,"world":1,"images_per_s":12,"peak_MiB":1200}
    {"peer":"torch 2","mode":"qat","size":640,"batch":8,"world":1,"images_per_s":3}
    {"bench":"infer","peer":"onnxruntime 1","model":"yolov8n","mode":"int8","size":320,"batch":1,"median_ms":16}
    """

  @Test func `ratios are those of the first configuration's lines`() throws {
    let ratios = try BenchmarkResults(text: Self.text, file: "r").ratios()
    #expect(
      ratios == [
        "qat_over_float_images_per_s": 1.5, "float_peak_MiB": 400, "qat_peak_MiB": 300,
        "qat_floor_over_step": 0.7, "int8_over_float_infer_ms": 0.4,
        "load_over_float_step_images_per_s": 25,
        "reduce_2_ranks_12600000_bytes_over_allreduce": 1.1, "qat_efficiency_2_ranks": 0.96,
        "checkpoint_ratio": 1.2, "checkpoint_blocked_over_memcpy": 1.2,
      ])
  }

  @Test func `what was not measured gives no ratio`() throws {
    let alone = try BenchmarkResults(
      text: #"{"bench":"step","mode":"qat","world":1,"images_per_s":30}"#, file: "r")
    #expect(alone.ratios().isEmpty)
  }

  @Test func `other programs are set beside the lines of their shape`() throws {
    let found = try BenchmarkResults(text: Self.text, file: "r").peerRatios()
    #expect(found.map(\.mode) == ["float", "qat", "int8"])
    #expect(found.map(\.ratio) == [1.25, 2.5, 4])
    #expect(found.map(\.peer) == ["torch 2", "torch 2", "onnxruntime 1"])
    #expect(found[1].memoryRatio == 0.25)
  }

  @Test func `a line that is no object is named`() {
    #expect(throws: BenchmarkError.badLine(file: "r", line: 2)) {
      try BenchmarkResults(text: "{}\n[1]\n", file: "r")
    }
  }

  @Test func `the page holds every measurement and neither host nor path`() throws {
    let machine = MachineDescription(
      processor: "Some CPU (family 1, model 2)", processorCount: 2, memoryGiB: 24,
      operatingSystem: "Debian", libraries: ["oneDNN 2", "zstd 1"], instructionSet: "AVX2",
      date: "2001-02-03")
    let page = PerformanceReport(
      try BenchmarkResults(text: Self.text, file: "r"), machine: machine
    ).text
    for expected in [
      "| processor | Some CPU (family 1, model 2), 2 cores, 24 GiB |",
      "| yolov8n | 320 | 8 | 1 | qat | 30.00 |", "| 2 | 12600000 |",
      "| step, yolov8n 320², batch 8 | qat | torch 2 | qat | 30.00 images/s | 12.00 images/s | 2.50 | 0.25 |",
      "| infer, yolov8n 320², batch 1 | int8 | onnxruntime 1 | int8 | 4.00 ms | 16.00 ms | 4.00 |",
      "| `qat_over_float_images_per_s` | 1.500 |",
    ] {
      #expect(page.contains(expected), "\(expected)")
    }
    #expect(!page.contains("nan") && page.hasSuffix("|\n"))
    let current = MachineDescription.current
    #expect(current.processorCount > 0 && current.memoryGiB > 0)
    #expect(current.libraries.count == 3 && current.date.count == 10)
  }

  @Test func `the first value of a key counts, without quotes and spaces`() {
    let fields = MachineDescription.fields(
      "model name\t: A  B\nmodel name\t: C\nNAME=\"x=y\"\nbroken", separator: ":")
    #expect(fields == ["model name": "A  B"])
    #expect(
      MachineDescription.fields("NAME=\"x=y\"", separator: "=") == ["NAME": "x=y"])
  }
}
