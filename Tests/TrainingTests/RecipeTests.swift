import Testing
import Training

@Suite struct RecipeTests {
  private func failure(_ yaml: String, overrides: [String] = []) -> String? {
    do throws(RecipeError) {
      _ = try Recipe(yaml: yaml, file: "recipe.yaml", overrides: overrides)
      return nil
    } catch {
      return error.description
    }
  }

  @Test func `an empty file is the default recipe`() throws {
    #expect(try Recipe(yaml: "", file: "r") == Recipe())
    #expect(try Recipe(yaml: "# nothing\noptimizer:\n", file: "r") == Recipe())
  }

  @Test func `the defaults lie within their own rules`() throws {
    try Recipe().validate()
    #expect(try Recipe(json: Recipe().json) == Recipe())
  }

  @Test func `every kind of value is read`() throws {
    let recipe = try Recipe(
      yaml: """
        name: 2024
        seed: 9223372036854775807
        model: {architecture: yolov8s, inputSize: 1_024}
        data:
          format: penn-fudan
          root: "/data/with # sign"
          skipBad: true
          synthetic: {scene: pedestrians}
        optimizer:
          learningRate: 5e-4
          momentum: .9
        export: {formats: [safetensors, onnx]}
        """, file: "r")
    #expect(recipe.name == "2024")
    #expect(recipe.seed == UInt64(Int.max))
    #expect(recipe.model.architecture == .yolov8s)
    #expect(recipe.model.inputSize == 1024)
    #expect(recipe.data.format == .pennFudan)
    #expect(recipe.data.root == "/data/with # sign")
    #expect(recipe.data.skipBad)
    #expect(recipe.data.synthetic.scene == .pedestrians)
    #expect(recipe.optimizer.learningRate == 0.0005)
    #expect(recipe.optimizer.momentum == 0.9)
    #expect(recipe.export.formats == [.safetensors, .onnx])
  }

  @Test func `an unknown key is refused with its line and the nearest known one`() {
    #expect(
      failure("name: x\noptimizer:\n  momentum: 0.9\n  learningrte: 0.1\n")
        == "recipe.yaml:4: unknown key `optimizer.learningrte`; did you mean `optimizer.learningRate`?"
    )
    #expect(
      failure("learning_rate: 0.1")
        == "recipe.yaml:1: unknown key `learning_rate`; did you mean `optimizer.learningRate`?")
    #expect(
      failure("\nagumentation: {flip: 0}")
        == "recipe.yaml:2: unknown key `agumentation`; did you mean `augmentation`?")
    #expect(
      failure("batch: {size: 8, zzzzzzzz: 1}")
        == "recipe.yaml:1: unknown key `batch.zzzzzzzz`; known here: batch.size, batch.shards")
  }

  @Test(arguments: [
    (
      "batch:\n  size: twelve",
      "recipe.yaml:2: `batch.size` is `twelve`, but must be a whole number from 1 to 65536"
    ),
    (
      "batch: {size: \"16\"}",
      "recipe.yaml:1: `batch.size` is the text \"16\", but must be a whole number from 1 to 65536"
    ),
    (
      "batch: {shards: 0}",
      "recipe.yaml:1: `batch.shards` is `0`, but must be a whole number from 1 to 4096"
    ),
    (
      "model: {inputSize: 300}",
      "recipe.yaml:1: `model.inputSize` is `300`, but must be a multiple of 32 from 32 to 4096"
    ),
    (
      "model: {activation: gelu}",
      "recipe.yaml:1: `model.activation` is `gelu`, but must be one of silu, relu, relu6"
    ),
    (
      "optimizer: {momentum: nan}",
      "recipe.yaml:1: `optimizer.momentum` is `nan`, but must be a number from 0 to 0.9999"
    ),
    (
      "optimizer: {momentum: [0.9]}",
      "recipe.yaml:1: `optimizer.momentum` is a list, but must be a number from 0 to 0.9999"
    ),
    (
      "data: {skipBad: 1}", "recipe.yaml:1: `data.skipBad` is `1`, but must be true or false"
    ),
    (
      "seed: -1",
      "recipe.yaml:1: `seed` is `-1`, but must be a whole number from 0 to 9223372036854775807"
    ),
    (
      "seed:",
      "recipe.yaml:1: `seed` is empty, but must be a whole number from 0 to 9223372036854775807"
    ),
    ("data: here", "recipe.yaml:1: `data` is a section of keys, but this gives it `here`"),
    (
      "- a\n- b", "recipe.yaml: a recipe is a list of `key: value` lines, but this is a list"
    ),
    (
      "batch: {size: 10, shards: 4}",
      "recipe.yaml: `batch.size` 10 is not divisible by `batch.shards` 4; every shard must hold the same number of pictures"
    ),
    (
      "export: {formats: [onnx, onnx]}",
      "recipe.yaml:1: `export.formats` is a list, but must be a list of onnx, tflite, safetensors, each at most once"
    ),
  ])
  func `a value that cannot be used is refused in one sentence`(yaml: String, sentence: String) {
    #expect(failure(yaml) == sentence)
  }

  @Test func `what is not YAML is refused with the line`() throws {
    let tab = try #require(failure("batch:\n\tsize: 3"))
    #expect(tab.hasPrefix("recipe.yaml:2: not valid YAML ("))
    let twice = try #require(failure("name: a\nname: b"))
    #expect(twice.contains("the key `name` stands here twice"))
    for text in [tab, twice] { #expect(!text.contains("\n")) }
  }

  @Test func `a missing file is one sentence`() {
    #expect(throws: RecipeError.unreadable(file: "/no/such.yaml", reason: "there is no such file"))
    {
      try Recipe(contentsOf: "/no/such.yaml")
    }
  }

  @Test func `overrides come last and are checked together`() throws {
    let recipe = try Recipe(
      yaml: "batch: {size: 8, shards: 2}", file: "r",
      overrides: [
        "batch.size=9", "batch.shards=3", "data.root=/a=b", "export.formats=[]", "name=",
      ])
    #expect(recipe.batch == .init(size: 9, shards: 3))
    #expect(recipe.data.root == "/a=b")
    #expect(recipe.export.formats == [])
    #expect(recipe.name == "")
  }

  @Test func `a wrong override is refused in one sentence`() {
    #expect(
      failure("", overrides: ["optimiser.kind=sgd"])
        == "--set optimiser.kind=sgd: unknown key `optimiser.kind`; did you mean `optimizer.kind`?")
    #expect(
      failure("", overrides: ["batch.size=0"])
        == "--set batch.size=0: `batch.size` is `0`, but must be a whole number from 1 to 65536")
    #expect(
      failure("", overrides: ["batch=3"])
        == "--set batch=3: `batch` is a section of keys, but this gives it `3`")
    #expect(
      failure("", overrides: ["batch.size"])
        == "--set: `batch.size` is not an assignment; write it as key.path=value, e.g. batch.size=16"
    )
    #expect(
      failure("", overrides: ["batch.shards=3"])
        == "recipe.yaml with --set: `batch.size` 16 is not divisible by `batch.shards` 3; every shard must hold the same number of pictures"
    )
  }

  @Test func `a single override leaves the recipe alone when it fails`() {
    var recipe = Recipe()
    #expect(throws: RecipeError.self) { try recipe.set("batch.size=15") }
    #expect(recipe == Recipe())
    #expect(throws: Never.self) { try recipe.set("batch.size=20") }
    #expect(recipe.batch.size == 20)
  }

  @Test func `JSON keeps every bit, and is the same bytes for the same recipe`() throws {
    var recipe = Recipe()
    recipe.name = "a \"b\" \\ \n\t é 😀 \u{2028} \u{7F} \u{85} \u{FEFF} null"
    recipe.optimizer.learningRate = 0.1.nextUp
    recipe.optimizer.epsilon = 1e-8
    recipe.schedule.qatLearningRate = 1.0 / 3
    let read = try Recipe(json: recipe.json)
    #expect(read == recipe)
    #expect(read.json == recipe.json)
    #expect(recipe.json.hasPrefix("{\"augmentation\":{\"closeMosaicEpochs\":10,\"flip\":0.5,"))
    for name in ["null", "~", "", "true", "1e3", " x "] {
      recipe.name = name
      #expect(try Recipe(json: recipe.json) == recipe)
    }
  }

  @Test func `every property has a key`() {
    // A property without a field would be lost in a checkpoint. Mirror walks the properties.
    func keys(_ value: Any, _ prefix: String) -> [String] {
      Mirror(reflecting: value).children.flatMap { child -> [String] in
        let key = prefix + child.label!
        let mirror = Mirror(reflecting: child.value)
        return mirror.displayStyle == .struct && !mirror.children.isEmpty
          && !(child.value is any BinaryInteger) && !(child.value is any BinaryFloatingPoint)
          && !(child.value is String) && !(child.value is Bool)
          ? keys(child.value, key + ".") : [key]
      }
    }
    #expect(keys(Recipe(), "").sorted() == Recipe.fields.map(\.key).sorted())
  }

  @Test func `differences name the keys and both values`() {
    var other = Recipe()
    #expect(other.differences(to: Recipe()).isEmpty)
    other.seed = 2
    other.data.root = "/elsewhere"
    other.system.threads = 8
    other.optimizer.momentum = 0.9
    #expect(
      other.differences(to: Recipe()).map(\.description) == [
        "`seed` is 2 here and 1 there",
        "`data.root` is \"/elsewhere\" here and \"\" there",
        "`optimizer.momentum` is 0.9 here and 0.937 there",
        "`system.threads` is 8 here and 1 there",
      ])
    other.data.skipBad = true
    #expect(
      other.resumeConflicts(with: Recipe()).map(\.key) == [
        "seed", "optimizer.momentum", "system.threads",
      ])
    #expect(other[key: "optimizer.momentum"] == .number(0.9))
    #expect(other[key: "optimizer.mass"] == nil)
  }
}
