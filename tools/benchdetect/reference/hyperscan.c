// The reference of bench-detect: hyperscan PATTERNS.tsv reads the names of files from standard input, one at a time, scans each with all
// patterns in block mode, 256 KiB at a time, and answers with "MB-per-CPU-second matches". Link with -lhs.
#include <hs/hs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MAX_PATTERNS = 512, BLOCK = 1 << 18 };

static unsigned long long matches;

static int found(unsigned id, unsigned long long from, unsigned long long to, unsigned flags, void *context) {
	(void)id, (void)from, (void)to, (void)flags, (void)context;
	matches++;
	return 0;
}

static char *read_all(const char *name, size_t *size) {
	FILE *f = fopen(name, "rb");
	if (!f || fseek(f, 0, SEEK_END)) return NULL;
	*size = (size_t)ftell(f);
	rewind(f);
	char *text = malloc(*size + 1);
	if (text && fread(text, 1, *size, f) != *size) text = NULL;
	fclose(f);
	return text;
}

int main(int argc, char **argv) {
	const char *patterns[MAX_PATTERNS];
	unsigned flags[MAX_PATTERNS], ids[MAX_PATTERNS], n = 0;
	char *line = NULL;
	size_t room = 0;
	FILE *f = argc == 2 ? fopen(argv[1], "r") : NULL;
	if (!f) return fprintf(stderr, "usage: hyperscan PATTERNS.tsv < FILES\n"), 1;
	while (n < MAX_PATTERNS && getline(&line, &room, f) > 0) {
		line[strcspn(line, "\n")] = 0;
		patterns[n] = strdup(strchr(line, '\t') + 1);
		flags[n] = HS_FLAG_MULTILINE;
		ids[n] = n;
		n++;
	}
	hs_database_t *database;
	hs_compile_error_t *trouble;
	if (hs_compile_multi(patterns, flags, ids, n, HS_MODE_BLOCK, NULL, &database, &trouble))
		return fprintf(stderr, "pattern %d: %s\n", trouble->expression, trouble->message), 1;
	hs_scratch_t *scratch = NULL;
	if (hs_alloc_scratch(database, &scratch)) return fprintf(stderr, "no scratch space\n"), 1;
	while (getline(&line, &room, stdin) > 0) {
		line[strcspn(line, "\n")] = 0;
		size_t size;
		char *text = read_all(line, &size);
		if (!text) return fprintf(stderr, "cannot read %s\n", line), 1;
		matches = 0;
		clock_t begin = clock();
		for (size_t at = 0; at < size; at += BLOCK)
			hs_scan(database, text + at, size - at < BLOCK ? size - at : BLOCK, 0, scratch, found, NULL);
		printf("%.3f %llu\n", (double)size / 1e6 / ((double)(clock() - begin) / CLOCKS_PER_SEC), matches);
		fflush(stdout);
		free(text);
	}
	return 0;
}
