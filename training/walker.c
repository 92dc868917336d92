/* Sums the leaves of a gradient-boosted model for rows, with XGBoost's own float arithmetic.

   Trees are walked eight at a time, so that the processor waits for eight nodes at once. A leaf
   leads to itself: all trees of a block take as many steps as its deepest one. Nothing is checked
   here: training/trees.py has checked every index of the nodes. */

#include <math.h>
#include <stdint.h>

#define BLOCK 8

typedef struct {
    float split;       /* what is below it goes left; in a leaf, what the leaf adds to the sum */
    int32_t child[2];  /* left and right; a leaf has itself twice */
    uint16_t column;   /* of the row */
    uint16_t missing;  /* 1 if a missing value goes right */
} Node;

typedef struct {
    const Node *nodes;
    const int32_t *roots;
    const int32_t *depths;  /* of each block of trees: the steps to its deepest leaf */
    int64_t trees;
    float base;             /* the probability from which the sum of log-odds starts */
} Model;

static inline int32_t step(const Node *nodes, int32_t at, const float *row)
{
    const Node *node = nodes + at;
    const float value = row[node->column];
    const int right = (value >= node->split) | ((value != value) & node->missing);
    return node->child[right];
}

static float margin(const Model *model, const float *row, float sum)
{
    const Node *nodes = model->nodes;
    for (int64_t first = 0; first < model->trees; first += BLOCK) {
        const int64_t left = model->trees - first;
        const int count = left < BLOCK ? (int)left : BLOCK;
        int32_t at[BLOCK] = {0};
        for (int i = 0; i < count; i++) at[i] = model->roots[first + i];
        for (int32_t d = model->depths[first / BLOCK]; d > 0; d--)
            for (int i = 0; i < BLOCK; i++) at[i] = step(nodes, at[i], row);
        for (int i = 0; i < count; i++) sum += nodes[at[i]].split;
    }
    return sum;
}

/* The log-odds of each of `rows` rows of `columns` doubles; NaN is a missing value. */
void headway_margins(const Model *model, const double *values, int64_t rows, int64_t columns,
                     float *out)
{
    const float start = -logf(1.0f / model->base - 1.0f);
    float row[columns];
    for (int64_t n = 0; n < rows; n++) {
        for (int64_t c = 0; c < columns; c++) row[c] = (float)values[n * columns + c];
        out[n] = margin(model, row, start);
    }
}

/* The same as probabilities, by the formula of xgboost/src/common/math.h. */
void headway_probabilities(const Model *model, const double *values, int64_t rows, int64_t columns,
                           float *out)
{
    headway_margins(model, values, rows, columns, out);
    for (int64_t n = 0; n < rows; n++)
        out[n] = 1.0f / (expf(fminf(-out[n], 88.7f)) + 1.0f + 1e-16f);
}
