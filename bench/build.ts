export async function benchBuild(_sizes: readonly number[]): Promise<void> {}
