export function createSecrets(_env: unknown): (name: string) => Promise<string> {
  return () => Promise.reject(new Error('none'));
}
