# Multilayer perceptrons: forward and backward for a block of rows at a time, in buffers that are
# made once.
#
# Row-major throughout. With H the outputs of the layer below (one row a sample), W (out x in) and
# b, a layer is a(H W' + b); with D the derivatives with respect to what comes before a, the
# gradients are D' H for W, the sums of D's columns for b, and D W for H.
#
# Products are in products.pyx.
from libc.math cimport fabs
from libc.stdint cimport int64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memset

from .exponential cimport exp, expm1_of_negative
from .losses cimport Loss, make, pick
from .objective cimport OK, Objective
from .penalties cimport Penalty
from .products cimport is_small, product
from .rows cimport Rows
from .sampling cimport Batch, cut
from .storage cimport wrap
from .vector cimport bits_of, from_bits, kernel_void, scale as scale_vector

from .reading import read_ahead

import numpy as np

cdef enum:
    MOST_ROWS = 128
    # The fewest rows for which a transposed copy pays: OpenBLAS has a kernel for small products, a
    # third faster, but not for H W' as it stands.
    ROWS = 8


cdef void transpose(const double *matrix, Py_ssize_t m, Py_ssize_t n, double *out) noexcept nogil:
    # Eight rows at a time, so that whole lines of memory are written.
    cdef Py_ssize_t i = 0, j, r
    cdef const double *rows = matrix
    while i + 8 <= m:
        for j in range(n):
            for r in range(8):
                out[j * m + i + r] = rows[r * n + j]
        rows += 8 * n
        i += 8
    while i < m:
        for j in range(n):
            out[j * m + i] = rows[j]
        rows += n
        i += 1


cdef kernel_void multiply(double *vector, double factor, Py_ssize_t n) noexcept nogil:
    scale_vector(factor, vector, n)


cdef kernel_void add_column_sums(const double *matrix, Py_ssize_t count, Py_ssize_t width,
                                 double *out) noexcept nogil:
    cdef Py_ssize_t i = 0, j
    cdef const double *row = matrix
    # Four rows at a time: out is read and written once for them.
    while i + 4 <= count:
        for j in range(width):
            out[j] += (row[j] + row[width + j]) + (row[2 * width + j] + row[3 * width + j])
        row += 4 * width
        i += 4
    while i < count:
        for j in range(width):
            out[j] += row[j]
        row += width
        i += 1


cdef class Activation:
    """Activation()\n--\n
    What a neuron does with its sum: `forward` for all of a layer, `backward` for its slopes.
    """

    # z <- a(z + bias), for count x width sums.
    cdef void forward(self, double *z, const double *bias, Py_ssize_t count,
                      Py_ssize_t width) noexcept nogil:
        pass

    # delta <- delta a'(z), where h = a(z): each a' here is a function of a.
    cdef void backward(self, double *delta, const double *h, Py_ssize_t size) noexcept nogil:
        pass


cdef kernel_void identity_forward(double *z, const double *bias, Py_ssize_t count,
                                  Py_ssize_t width) noexcept nogil:
    cdef Py_ssize_t _i, j
    for _i in range(count):
        for j in range(width):
            z[j] += bias[j]
        z += width


cdef class Identity(Activation):
    """z itself."""

    cdef void forward(self, double *z, const double *bias, Py_ssize_t count,
                      Py_ssize_t width) noexcept nogil:
        identity_forward(z, bias, count, width)


cdef kernel_void relu_forward(double *z, const double *bias, Py_ssize_t count,
                              Py_ssize_t width) noexcept nogil:
    cdef Py_ssize_t _i, j
    cdef double sum
    for _i in range(count):
        for j in range(width):
            sum = z[j] + bias[j]
            # Written so that NaN stays NaN.
            z[j] = 0.0 if sum <= 0.0 else sum
        z += width


cdef kernel_void relu_backward(double *delta, const double *h, Py_ssize_t size) noexcept nogil:
    cdef Py_ssize_t j
    for j in range(size):
        delta[j] = 0.0 if h[j] <= 0.0 else delta[j]


cdef class Relu(Activation):
    """max(0, z); its derivative at 0 is 0."""

    cdef void forward(self, double *z, const double *bias, Py_ssize_t count,
                      Py_ssize_t width) noexcept nogil:
        relu_forward(z, bias, count, width)

    cdef void backward(self, double *delta, const double *h, Py_ssize_t size) noexcept nogil:
        relu_backward(delta, h, size)


cdef kernel_void tanh_forward(double *z, const double *bias, Py_ssize_t count,
                              Py_ssize_t width) noexcept nogil:
    # tanh|x| = -e/(2 + e) with e = exp(-2|x|) - 1, then the sign of x.
    cdef Py_ssize_t _i, j
    cdef int64_t sign
    cdef double sum, e
    for _i in range(count):
        for j in range(width):
            sum = z[j] + bias[j]
            e = expm1_of_negative(-2.0 * fabs(sum))
            sign = bits_of(sum) & bits_of(-0.0)
            z[j] = from_bits(bits_of(-e / (2.0 + e)) | sign)
        z += width


cdef kernel_void tanh_backward(double *delta, const double *h, Py_ssize_t size) noexcept nogil:
    cdef Py_ssize_t j
    for j in range(size):
        delta[j] *= (1.0 - h[j]) * (1.0 + h[j])


cdef class Tanh(Activation):
    """tanh(z)."""

    cdef void forward(self, double *z, const double *bias, Py_ssize_t count,
                      Py_ssize_t width) noexcept nogil:
        tanh_forward(z, bias, count, width)

    cdef void backward(self, double *delta, const double *h, Py_ssize_t size) noexcept nogil:
        tanh_backward(delta, h, size)


cdef kernel_void sigmoid_forward(double *z, const double *bias, Py_ssize_t count,
                                 Py_ssize_t width) noexcept nogil:
    cdef Py_ssize_t _i, j
    cdef double sum, e
    for _i in range(count):
        for j in range(width):
            sum = z[j] + bias[j]
            e = exp(-fabs(sum))
            z[j] = (1.0 if sum >= 0.0 else e) / (1.0 + e)
        z += width


cdef kernel_void sigmoid_backward(double *delta, const double *h, Py_ssize_t size) noexcept nogil:
    cdef Py_ssize_t j
    for j in range(size):
        delta[j] *= h[j] * (1.0 - h[j])


cdef class Sigmoid(Activation):
    """1/(1 + exp(-z))."""

    cdef void forward(self, double *z, const double *bias, Py_ssize_t count,
                      Py_ssize_t width) noexcept nogil:
        sigmoid_forward(z, bias, count, width)

    cdef void backward(self, double *delta, const double *h, Py_ssize_t size) noexcept nogil:
        sigmoid_backward(delta, h, size)


ACTIVATIONS = {"relu": Relu, "tanh": Tanh, "sigmoid": Sigmoid, "identity": Identity}


# One layer: its sizes, where its W starts in theta (b follows), and what it put out last.
cdef struct Layer:
    Py_ssize_t n_in
    Py_ssize_t n_out
    Py_ssize_t weights
    Py_ssize_t bias
    double *output


cdef class NetworkObjective(Objective):
    """NetworkObjective(X, y, sizes, activation, loss, scale, penalty=None, sample_weight=None)\n\
--\n
    theta is, layer by layer, W (out x in, row-major), then b (out).

    Parameters
    ----------
    X : (n, d) array of float64, float32 or uint8, used in place
    y : (n,) float64, or (n * outputs,) where each output has its target
    sizes : sequence of int
        d, the hidden sizes, the number of outputs.
    activation : str
    loss : a dataclass of fastgd.losses
    scale : float
        What the entries of X are multiplied by on their way in.
    penalty : core.penalties.Penalty, optional
    sample_weight : (n,) float64 with mean 1, optional
    """
    cdef Rows rows
    cdef Loss loss
    cdef Activation activation
    cdef Activation identity
    cdef const double[::1] targets
    cdef const double[::1] sample_weights
    cdef const double *weights_of_rows     # NULL: 1 each
    cdef double scale
    cdef Py_ssize_t n_layers, n_outputs
    cdef Py_ssize_t most_rows   # that the buffers hold
    cdef Layer *layers
    cdef double *memory         # all that follows is in it
    cdef double *inputs
    cdef double *transposed
    cdef double *deltas
    cdef double *next_deltas
    cdef double *targets_buffer
    cdef double *losses_buffer
    cdef double *weights_buffer

    def __init__(self, X, const double[::1] y not None, sizes, str activation, loss, double scale,
                 Penalty penalty=None, const double[::1] sample_weight=None):
        cdef Py_ssize_t i, start = 0, width = max(sizes), most = min(MOST_ROWS, y.shape[0])
        cdef double *free_memory
        self.rows = wrap(X)
        self.reading = read_ahead(X)
        most = min(MOST_ROWS, self.rows.n_rows)
        if self.rows.sparse or sizes[0] != self.rows.n_columns:
            raise ValueError("X must be dense, with a column for each input")
        self.scale = scale
        self.n_layers = len(sizes) - 1
        self.n_outputs = sizes[self.n_layers]
        self.loss = make(loss, self.n_outputs)
        if y.shape[0] != self.rows.n_rows * self.loss.n_targets:
            raise ValueError(f"y has {y.shape[0]} entries for {self.rows.n_rows} rows")
        if self.loss.joint:
            # A kernel indexes by these: nobody else may write into them.
            y = np.array(y)
            if not ((np.asarray(y) >= 0) & (np.asarray(y) < self.n_outputs)).all():
                raise ValueError(f"y has classes beyond the {self.n_outputs} outputs")
        if sample_weight is not None:
            if sample_weight.shape[0] != self.rows.n_rows:
                raise ValueError("there must be one weight for each row")
            self.weights_of_rows = &sample_weight[0]
        self.targets = y
        self.sample_weights = sample_weight
        self.activation = ACTIVATIONS[activation]()
        self.identity = Identity()
        self.layers = <Layer *>malloc(self.n_layers * sizeof(Layer))
        if self.layers == NULL:
            raise MemoryError
        spans = []
        for i in range(self.n_layers):
            self.layers[i].n_in = sizes[i]
            self.layers[i].n_out = sizes[i + 1]
            self.layers[i].weights = start
            self.layers[i].bias = start + self.layers[i].n_in * self.layers[i].n_out
            start = self.layers[i].bias + self.layers[i].n_out
            spans += [(self.layers[i].weights, self.layers[i].bias, True),
                      (self.layers[i].bias, start, False)]
        super().__init__(self.rows.n_rows, start, 0.0, spans, penalty)
        self.most_rows = most
        largest = most * max(a + b for a, b in zip(sizes, sizes[1:]))
        size = most * (1 + 2 * self.loss.n_targets + 2 * width + sum(sizes)) + largest
        self.memory = <double *>malloc(<size_t>size * sizeof(double))
        if self.memory == NULL:
            raise MemoryError
        self.targets_buffer = self.memory
        self.losses_buffer = self.targets_buffer + most * self.loss.n_targets
        self.weights_buffer = self.losses_buffer + most * self.loss.n_targets
        self.deltas = self.weights_buffer + most
        self.next_deltas = self.deltas + most * width
        self.inputs = self.next_deltas + most * width
        self.transposed = self.inputs + most * self.rows.n_columns
        free_memory = self.transposed + <Py_ssize_t>largest
        for i in range(self.n_layers):
            self.layers[i].output = free_memory
            free_memory += most * self.layers[i].n_out

    def __dealloc__(self):
        free(self.layers)
        free(self.memory)

    cdef void multiply_weights(self, const Layer *layer, const double *W, const double *H,
                               Py_ssize_t count) noexcept nogil:
        """The layer's output <- H W'; by BLAS by way of W' or of W H', whichever copies less."""
        cdef double *product_transposed
        if count < ROWS or is_small(count, layer.n_out, layer.n_in):
            product(False, True, count, layer.n_out, layer.n_in, H, W, False, layer.output)
        elif layer.n_in * layer.n_out <= count * (layer.n_in + layer.n_out):
            transpose(W, layer.n_out, layer.n_in, self.transposed)
            product(False, False, count, layer.n_out, layer.n_in, H, self.transposed, False,
                    layer.output)
        else:
            product_transposed = self.transposed + count * layer.n_in
            transpose(H, count, layer.n_in, self.transposed)
            product(False, False, layer.n_out, count, layer.n_in, W, self.transposed, False,
                    product_transposed)
            transpose(product_transposed, layer.n_out, count, layer.output)

    cdef double *forward(self, Rows rows, const double *theta, const Batch *batch) noexcept nogil:
        """The margins of a batch of at most most_rows: count x n_outputs."""
        cdef Py_ssize_t i
        cdef Layer *layer
        cdef double *below = self.inputs
        rows.gather(batch, self.scale, below)
        for i in range(self.n_layers):
            layer = &self.layers[i]
            self.multiply_weights(layer, theta + layer.weights, below, batch.count)
            if i < self.n_layers - 1:
                self.activation.forward(layer.output, theta + layer.bias, batch.count, layer.n_out)
            else:
                self.identity.forward(layer.output, theta + layer.bias, batch.count, layer.n_out)
            below = layer.output
        return below

    cdef int add_value(self, const double *theta, const Batch *batch, double *value) noexcept nogil:
        cdef Batch block
        cdef Py_ssize_t done = 0, i
        cdef double total = 0.0
        cdef double *margins
        cdef const double *weights
        while done < batch.count:
            cut(batch, done, self.most_rows, &block)
            margins = self.forward(self.rows, theta, &block)
            self.loss.values(
                margins,
                pick(&self.targets[0], self.loss.n_targets, &block, self.targets_buffer),
                block.count, self.losses_buffer)
            if self.weights_of_rows == NULL:
                for i in range(block.count):
                    total += self.losses_buffer[i]
            else:
                weights = pick(self.weights_of_rows, 1, &block, self.weights_buffer)
                for i in range(block.count):
                    total += weights[i] * self.losses_buffer[i]
            done += block.count
        value[0] += total
        return OK

    cdef int add_gradient(self, const double *theta, const Batch *batch,
                          double *out) noexcept nogil:
        cdef Batch block
        cdef Py_ssize_t done = 0
        while done < batch.count:
            cut(batch, done, self.most_rows, &block)
            self.backward(theta, &block, 1.0, True, out, NULL)
            done += block.count
        return OK

    cdef int add_both(self, const double *theta, const Batch *batch, double *value,
                      double *out) noexcept nogil:
        cdef Batch block
        cdef Py_ssize_t done = 0
        while done < batch.count:
            cut(batch, done, self.most_rows, &block)
            self.backward(theta, &block, 1.0, True, out, value)
            done += block.count
        return OK

    cdef int both(self, const double *theta, const Batch *batch, double *value,
                  double *out) noexcept nogil:
        cdef double total = 0.0
        if out == NULL or batch.count > self.most_rows:
            return Objective.both(self, theta, batch, value, out)
        self.backward(theta, batch, 1.0 / <double>batch.count, False, out, &total)
        if self.penalty.decay != 0.0:
            self.add_smooth(theta, out)
        total /= <double>batch.count
        self.penalty.value(theta, self.spans, self.n_spans, &total)
        value[0] = total
        return OK

    cdef int gradient(self, const double *theta, const Batch *batch, double *out) noexcept nogil:
        # One block needs neither zeros to add to nor a division of the sum: a tenth of the time of
        # a step of 784-128-10 on 64 rows.
        if batch.count > self.most_rows:
            return Objective.gradient(self, theta, batch, out)
        self.backward(theta, batch, 1.0 / <double>batch.count, False, out, NULL)
        if self.penalty.decay != 0.0:
            self.add_smooth(theta, out)
        return OK

    cdef void backward(self, const double *theta, const Batch *batch, double weight, bint add,
                       double *out, double *value) noexcept nogil:
        """The weighted sum of the gradients of at most most_rows samples, in or on top of out.

        The sum of their losses is added to `value`, unless that is NULL.
        """
        cdef Py_ssize_t i, k, count = batch.count
        cdef Layer *layer
        cdef const double *below
        cdef const double *weights
        cdef const double *targets
        cdef double *delta = self.forward(self.rows, theta, batch)
        cdef double *following = self.deltas
        targets = pick(&self.targets[0], self.loss.n_targets, batch, self.targets_buffer)
        if value != NULL:
            self.loss.values(delta, targets, count, self.losses_buffer)
        self.loss.slopes(delta, targets, count)
        if self.weights_of_rows == NULL:
            if value != NULL:
                for i in range(count):
                    value[0] += self.losses_buffer[i]
        else:
            weights = pick(self.weights_of_rows, 1, batch, self.weights_buffer)
            for i in range(count):
                if value != NULL:
                    value[0] += weights[i] * self.losses_buffer[i]
                for k in range(self.n_outputs):
                    delta[i * self.n_outputs + k] *= weights[i]
        if weight != 1.0:
            multiply(delta, weight, count * self.n_outputs)
        for i in range(self.n_layers - 1, -1, -1):
            layer = &self.layers[i]
            below = self.layers[i - 1].output if i > 0 else self.inputs
            product(True, False, layer.n_out, layer.n_in, count, delta, below, add,
                    out + layer.weights)
            if not add:
                memset(out + layer.bias, 0, layer.n_out * sizeof(double))
            add_column_sums(delta, count, layer.n_out, out + layer.bias)
            if i > 0:
                product(False, False, count, layer.n_in, layer.n_out, delta,
                        theta + layer.weights, False, following)
                self.activation.backward(following, below, count * layer.n_in)
                delta = following
                following = self.next_deltas if following == self.deltas else self.deltas

    def margins(self, const double[::1] theta, X):
        """The outputs for other rows: (m, n_outputs)."""
        cdef Rows rows = wrap(X)
        if rows.sparse or rows.n_columns != self.rows.n_columns:
            raise ValueError("X must be dense, with as many columns as the network has inputs")
        if theta.shape[0] != self.n_params:
            raise ValueError(f"theta must have {self.n_params} entries, not {theta.shape[0]}")
        cdef Batch batch, block
        cdef Py_ssize_t done = 0, i
        cdef const double *found
        batch.indices = NULL
        batch.first = 0
        batch.count = rows.n_rows
        batch.ahead = 0
        out = np.empty((rows.n_rows, self.n_outputs))
        cdef double[:, ::1] view = out
        self.claim()
        with nogil:
            while done < batch.count:
                cut(&batch, done, self.most_rows, &block)
                found = self.forward(rows, &theta[0], &block)
                for i in range(block.count * self.n_outputs):
                    (&view[done, 0])[i] = found[i]
                done += block.count
            self.release()
        return out
