// Waits for what must come, looking often.
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export async function until(what, holds, limit = 30_000) {
    const deadline = Date.now() + limit;
    for (;;) {
        const value = await holds();
        if (value) {
            return value;
        }
        if (Date.now() > deadline) {
            throw new Error(`${what}: not within ${limit} ms`);
        }
        await pause(50);
    }
}
