/** Some seeds at a time, and their sum. */
import { playSeed, type SeedReport, type Undisturbed, type World } from './play-seed';

/** @param tell gets the report of each seed as it ends */
export async function playSeeds(
  seeds: readonly number[],
  together: number,
  world: World,
  undisturbed: Undisturbed,
  tell: (report: SeedReport) => void,
): Promise<SeedReport[]> {
  const reports: SeedReport[] = [];
  const queue = seeds.values();
  const lane = async (): Promise<void> => {
    for (const seed of queue) {
      const report = await playSeed(seed, world, undisturbed);
      reports.push(report);
      tell(report);
    }
  };
  await Promise.all(Array.from({ length: Math.min(together, seeds.length) }, lane));
  return reports;
}

/** In one line: how many of each kind of fault, how many are wrong. */
export function summarize(reports: readonly SeedReport[]): string {
  const kinds = new Map<string, number>();
  for (const { faults } of reports)
    for (const fault of faults) {
      const [kind = ''] = fault.split(':');
      kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
    }
  const wrong = reports.filter((report) => report.wrong.length > 0).map(({ seed }) => seed);
  const times = reports.map(({ recovered_s }) => recovered_s).sort((a, b) => a - b);
  return JSON.stringify({
    seeds: reports.length,
    wrong,
    faults: Object.fromEntries(kinds),
    recovered_s: { median: times[Math.floor(times.length / 2)], max: times.at(-1) },
  });
}
