public import Graphs
import Tensors

extension Graph {
  /// The graph, its sites placed, with parameters for the scales that are to be learned.
  ///
  /// They follow the parameters of the network, which keep their numbers. A weight's are named
  /// `WEIGHT.scale`, a site's `SITE.site.METHOD`. Sites of a fixed range keep it.
  ///
  /// - Parameters:
  ///   - weights: of every layer with quantized weights, one per output channel.
  ///   - ranges: how sites learn theirs; `nil` where they do not.
  public func learningScales(weights: Bool, ranges: LearnedRange.Method?) -> Graph {
    var result = self
    func append(_ name: String, _ count: Int, _ role: Parameter.Role) -> Int {
      result.parameters.append(Parameter(name: name, shape: [count], role: role))
      return result.parameters.count - 1
    }
    if weights {
      for index in nodes.indices where nodes[index].weightBits != nil {
        let weight = parameters[nodes[index].parameters[0]]
        result.nodes[index].weightScale = append(
          "\(weight.name).scale", weight.shape[0], .weightScale)
      }
    }
    guard let ranges else { return result }
    for index in sites.indices where sites[index].fixedRange == nil {
      let site = sites[index]
      let parameter = append(
        "\(site.name).site.\(ranges.rawValue)", site.hasTwoEnds ? 2 : 1, .siteScale)
      result.sites[index].learned = LearnedRange(method: ranges, parameter: parameter)
    }
    return result
  }

  /// The graph without parameters of quantizers: scales follow from the weights, ranges are given.
  public var withoutLearnedScales: Graph {
    var result = self
    result.parameters = []
    var newIndex = [Int](repeating: -1, count: parameters.count)
    for (index, parameter) in parameters.enumerated() where !parameter.role.isQuantizer {
      newIndex[index] = result.parameters.count
      result.parameters.append(parameter)
    }
    for index in result.nodes.indices {
      result.nodes[index].parameters = nodes[index].parameters.map { newIndex[$0] }
      result.nodes[index].weightScale = nil
    }
    for index in result.sites.indices { result.sites[index].learned = nil }
    return result
  }
}
