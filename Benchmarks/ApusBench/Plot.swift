// A picture of how a figure grows: lines over logarithmic axes, as an SVG that any browser shows.

import Foundation

struct Plot: Codable {
  struct Line: Codable {
    let name: String
    /// Above 0, ascending by x.
    let points: [Point]
  }

  struct Point: Codable {
    let x: Double
    let y: Double
  }

  /// The name of its file, without the ending.
  let name: String
  let title: String
  let xTitle: String
  let yTitle: String
  let lines: [Line]

  private static let (width, height) = (640.0, 400.0)
  private static let (left, right, top, bottom) = (80.0, 150.0, 50.0, 55.0)
  private static let colours = ["#1b6ca8", "#c8553d", "#3a7d44", "#7d4e9e", "#8a6d1d"]

  var svg: String {
    let points = lines.flatMap(\.points)
    let (xs, ys) = (Axis(points.map(\.x)), Axis(points.map(\.y)))
    let (plotWidth, plotHeight) = (
      Self.width - Self.left - Self.right, Self.height - Self.top - Self.bottom
    )
    func x(_ value: Double) -> Double { Self.left + xs.share(of: value) * plotWidth }
    func y(_ value: Double) -> Double { Self.top + (1 - ys.share(of: value)) * plotHeight }
    var parts = [
      """
      <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(Int(Self.width)) \(Int(Self.height))" \
      font-family="sans-serif" font-size="12">
      """,
      "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>",
      text(Self.left, 24, title, "font-size=\"15\""),
      text(Self.left + plotWidth / 2, Self.height - 12, xTitle, "text-anchor=\"middle\""),
      text(
        0, 0, yTitle,
        "text-anchor=\"middle\" transform=\"translate(18 \(at(Self.top + plotHeight / 2))) rotate(-90)\""),
    ]
    for tick in xs.ticks {
      parts.append(rule(x(tick), Self.top, x(tick), Self.top + plotHeight))
      parts.append(text(x(tick), Self.top + plotHeight + 18, Axis.word(tick), "text-anchor=\"middle\""))
    }
    for tick in ys.ticks {
      parts.append(rule(Self.left, y(tick), Self.left + plotWidth, y(tick)))
      parts.append(text(Self.left - 8, y(tick) + 4, Axis.word(tick), "text-anchor=\"end\""))
    }
    for (place, line) in lines.enumerated() {
      let colour = Self.colours[place % Self.colours.count]
      let places = line.points.map { "\(at(x($0.x))),\(at(y($0.y)))" }
      parts.append(
        "<polyline fill=\"none\" stroke=\"\(colour)\" stroke-width=\"2\" points=\"\(places.joined(separator: " "))\"/>"
      )
      for point in line.points {
        parts.append("<circle cx=\"\(at(x(point.x)))\" cy=\"\(at(y(point.y)))\" r=\"3\" fill=\"\(colour)\"/>")
      }
      if let last = line.points.last {
        parts.append(text(x(last.x) + 8, y(last.y) + 4, line.name, "fill=\"\(colour)\""))
      }
    }
    return (parts + ["</svg>", ""]).joined(separator: "\n")
  }

  private func at(_ place: Double) -> String { String(format: "%.1f", place) }

  private func text(_ x: Double, _ y: Double, _ words: String, _ more: String) -> String {
    let escaped = words.replacingOccurrences(of: "&", with: "&amp;").replacingOccurrences(
      of: "<", with: "&lt;")
    return "<text x=\"\(at(x))\" y=\"\(at(y))\" \(more)>\(escaped)</text>"
  }

  private func rule(_ x: Double, _ y: Double, _ toX: Double, _ toY: Double) -> String {
    "<line x1=\"\(at(x))\" y1=\"\(at(y))\" x2=\"\(at(toX))\" y2=\"\(at(toY))\" stroke=\"#dddddd\"/>"
  }

  /// From one of 1, 2, 5 × 10ⁿ to another, with the figures between them.
  private struct Axis {
    let ticks: [Double]
    private let (low, high): (Double, Double)

    init(_ values: [Double]) {
      let (least, most) = (values.min() ?? 1, values.max() ?? 10)
      let all = (-9...12).flatMap { power in [1.0, 2, 5].map { $0 * pow(10, Double(power)) } }
      let first = all.last { $0 <= least * 1.000_001 } ?? least
      var last = all.first { $0 >= most * 0.999_999 } ?? most
      if last <= first { last = first * 10 }
      // Powers of ten are enough where there are many.
      let between = all.filter { $0 >= first && $0 <= last }
      ticks = between.count > 9 ? between.filter { log10($0).rounded() == log10($0) } : between
      (low, high) = (log10(first), log10(last))
    }

    func share(of value: Double) -> Double { (log10(value) - low) / (high - low) }

    static func word(_ value: Double) -> String {
      for (unit, name) in [(1e6, " M"), (1e3, " k")] where value >= unit {
        return String(format: "%g", value / unit) + name
      }
      return String(format: "%g", value)
    }
  }
}

/// The plots that benchmarks leave beside their rows.
final class PlotBook {
  private(set) var plots: [Plot] = []

  func add(_ plot: Plot) { plots.append(plot) }
}
