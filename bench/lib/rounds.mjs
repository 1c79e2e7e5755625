// A B C, A C B, C A B, C B A, …: in turn, forward and back, so that no one is always first or always after the same.

/** Measures each variant once a round; returns the figures by variant, in the order of the rounds. */
export async function inTurn(variants, runs, measure, { warmUp = 1, say = () => {} } = {}) {
  const figures = variants.map(() => [])
  for (let round = -warmUp; round < runs; round++) {
    for (let turn = 0; turn < variants.length; turn++) {
      const at = round % 2 === 0 ? turn : variants.length - 1 - turn
      const index = (at + Math.max(round, 0)) % variants.length
      const figure = await measure(variants[index])
      // The first round warms the file cache and is thrown away.
      if (round >= 0) figures[index].push(figure)
    }
    if (round > 0 && round % 10 === 0) say(`  round ${round} of ${runs}`)
  }
  return figures
}
